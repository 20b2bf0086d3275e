"""The few commands that a lab guest knows, over SSH and through `pct exec`."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import asyncssh

from . import key_scripts
from .cloud_init import GuestFile

if TYPE_CHECKING:
    from .guest import Guest

NOT_FOUND = 127
FAILED = 1
AND = "&&"
GREETING = "A machine of the lab. It knows: {commands}. Ctrl-D ends.\n"


class Result(NamedTuple):
    """What a command gives back."""

    output: bytes = b""
    error: str = ""
    status: int = 0


@dataclass(frozen=True, kw_only=True)
class Call:
    """A command as a machine gets it."""

    guest: "Guest"
    user: str
    arguments: tuple[str, ...]


def run(guest: "Guest", user: str, line: str) -> Result:
    """Run simple commands, with `&&` between them."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        return Result(error=f"sh: {error}\n", status=2)
    done = Result()
    while words and not done.status:
        place = words.index(AND) if AND in words else len(words)
        result = run_words(guest, user, words[:place])
        done = Result(done.output + result.output, done.error + result.error, result.status)
        words = words[place + 1 :]
    return done


def run_words(guest: "Guest", user: str, words: list[str]) -> Result:
    """Run a command that is split already; `sudo` makes it root's."""
    while words and words[0].rsplit("/", 1)[-1] == "sudo":
        user, words = "root", [word for word in words[1:] if word not in {"-n", "--"}]
    if not words:
        return Result()
    command = COMMANDS.get(words[0].rsplit("/", 1)[-1])
    if command is None:
        return Result(error=f"sh: {words[0]}: command not found\n", status=NOT_FOUND)
    return command(Call(guest=guest, user=user, arguments=tuple(words[1:])))


async def serve(guest: "Guest", process: asyncssh.SSHServerProcess[str]) -> None:
    """Answer a session: one command, or line by line to a person."""
    user = str(process.get_extra_info("username"))
    if process.command is None:
        await _talk(guest, user, process)
        return
    if word := key_scripts.word_of(process.command):
        await key_scripts.converse(
            guest, user, word, process.stdin, lambda said: _show(process, Result(said))
        )
        process.exit(0)
        return
    result = run(guest, user, process.command)
    _show(process, result)
    process.exit(result.status)


async def _talk(guest: "Guest", user: str, process: asyncssh.SSHServerProcess[str]) -> None:
    process.stdout.write(GREETING.format(commands=", ".join(sorted(COMMANDS))))
    result = Result()
    while not process.stdin.at_eof():
        process.stdout.write(f"{user}@{guest.disk.hostname}:~$ ")
        line = await process.stdin.readline()
        if line.strip() in {"exit", "logout"}:
            break
        result = run(guest, user, line)
        _show(process, result)
    process.exit(result.status)


def _show(process: asyncssh.SSHServerProcess[str], result: Result) -> None:
    process.stdout.write(result.output.decode("utf-8", "surrogateescape"))
    process.stderr.write(result.error)


def _cat(call: Call) -> Result:
    output, errors = b"", ""
    for path in call.arguments:
        file = call.guest.files.get(_absolute(call, path))
        if file is None:
            errors += f"cat: {path}: No such file or directory\n"
        elif not _may_read(call, file):
            errors += f"cat: {path}: Permission denied\n"
        else:
            output += file.content
    return Result(output, errors, FAILED if errors else 0)


def _absolute(call: Call, path: str) -> str:
    home = call.guest.home(call.user)
    return path if path.startswith("/") else f"{home}/{path.removeprefix('~/')}"


def _may_read(call: Call, file: GuestFile) -> bool:
    owns = file.owner.split(":")[0] == call.user
    return call.user == "root" or bool(file.mode & (0o400 if owns else 0o004))


def _say(text: str) -> Result:
    return Result(output=f"{text}\n".encode())


def _identity(call: Call) -> Result:
    if "-un" in call.arguments:
        return _say(call.user)
    number = "0" if call.user == "root" else "1000"
    return _say(number if "-u" in call.arguments else f"uid={number}({call.user})")


def _remove(call: Call) -> Result:
    for path in call.arguments:
        if path != "-f" and call.guest.may_write(call.user, path):
            call.guest.files.pop(path, None)
    return Result()


def _sh(_call: Call) -> Result:
    return Result(error="sh: a machine of the lab runs no scripts but those of ops\n", status=NOT_FOUND)


COMMANDS: dict[str, Callable[[Call], Result]] = {
    "cat": _cat,
    "echo": lambda call: _say(" ".join(call.arguments)),
    "hostname": lambda call: _say(call.guest.disk.hostname),
    "id": _identity,
    "rm": _remove,
    "sh": _sh,
    "true": lambda _: Result(),
    "uname": lambda _: _say("Linux"),
    "whoami": lambda call: _say(call.user),
}
