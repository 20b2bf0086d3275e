"""The command lines that a node gets: how the provider and the preflight wrap what they mean."""

import re
import shlex

STORAGE_PATH = "/var/lib/vz"  # as the API tells it; the files lie under the lab's directory
SHELLS = frozenset({"sh", "bash", "dash"})
SUDO_PROBE = "sudo -n /usr/sbin/pvesm apiinfo"
SUDO_MAY = re.compile(rf"sudo -n -l (?P<command>/usr/bin/tee {STORAGE_PATH}/snippets/[\w./-]+)")


def inner(line: str) -> str:
    """The script of `bash -c SCRIPT`, which is how the provider wraps everything; else the line itself."""
    try:
        words = shlex.split(line)
    except ValueError:
        return line
    wrapped = len(words) == 3 and words[0].rsplit("/", 1)[-1] in SHELLS and words[1] == "-c"  # noqa: PLR2004
    return words[2] if wrapped else line


def probe(script: str) -> str | None:
    """The answer to who asks whether sudo would do: the preflight for `tee`, the provider for all."""
    if may := SUDO_MAY.fullmatch(script):
        return may["command"]
    return "1" if SUDO_PROBE in script and script != SUDO_PROBE else None


def without_sudo(words: list[str]) -> list[str]:
    """The command that sudo is asked for."""
    while words and words[0].rsplit("/", 1)[-1] == "sudo":
        words = words[1:]
        while words and words[0] in {"-n", "--"}:
            words = words[1:]
    return words
