"""Exit codes and streams: the contract of every verb."""

import click
import pytest

from ops import cli
from ops.errors import AuthenticationError, LifecycleError


def _command(body) -> click.Command:
    return click.Command("verb", callback=body, params=[click.Option(["--count"], type=int)])


def _returning(value: int | None):
    return lambda **_: value


def _raising(error: BaseException):
    def body(**_):
        raise error

    return body


@pytest.mark.parametrize(
    ("body", "arguments", "code"),
    [
        (_returning(None), [], 0),
        (_returning(1), [], 1),
        (_returning(None), ["--help"], 0),
        (_raising(LifecycleError("no")), [], 1),
        (_raising(AuthenticationError("no")), [], 1),
        (_returning(None), ["--count", "many"], 2),
        (_returning(None), ["--unknown"], 2),
        (_raising(KeyboardInterrupt()), [], 130),
        (_raising(ZeroDivisionError("bug")), [], 70),
    ],
)
def test_every_end_has_its_exit_code(body, arguments, code, capsys):
    """0 done, 1 expected failure, 2 usage, 130 interrupted, and 70 for a bug."""
    assert cli.run(_command(body), arguments) == code


def test_an_expected_failure_says_where_what_and_remedy_without_a_traceback(capsys):
    """Three parts, on stderr; stdout stays a result."""
    error = LifecycleError("the node is [offline]", where="pve1", remedy="Switch it on.")
    cli.run(_command(_raising(error)), [])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "pve1: the node is [offline]\nSwitch it on.\n"


def test_a_bug_shows_its_traceback(capsys):
    """What nobody expected is shown whole."""
    cli.run(_command(_raising(ZeroDivisionError("bug"))), [])
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ZeroDivisionError: bug" in err
