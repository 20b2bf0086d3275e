"""The command provider over several ups: what runs again, in which order, and what is said of it."""

import pytest

from tests.engine.commands import Host, Project

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    ("logging", "seen"),
    [
        ("none", set()),
        ("stdout", {"stdout"}),
        ("stderr", {"stderr"}),
        ("stdoutAndStderr", {"stdout", "stderr"}),
    ],
)
def test_logging_shows_what_it_names_and_nothing_else(
    project: Project, host: Host, logging: str, seen: set[str]
) -> None:
    """Looked at is what an update prints before the stack's outputs: those are the program's own doing."""
    connection = host.connection()
    project.up(kind="remote", create="install", logging=logging, connection=connection)
    printed = project.up(kind="remote", create="other", logging=logging, connection=connection)
    logs = printed.split("Outputs:")[0]
    assert {name for name in ("stdout", "stderr") if f"{name} of other" in logs} == seen


def test_a_changed_trigger_replaces_and_create_comes_before_delete(project: Project, host: Host) -> None:
    """A delete command would undo what the new one just did (TRAPS H5): the order is Pulumi's."""
    same = {"kind": "remote", "create": "make", "delete": "undo", "connection": host.connection()}
    project.up(**same, triggers=["one"])
    project.up(**same, triggers=["one"])
    assert [command for command, _, _ in host.ran] == ["make"]
    project.up(**same, triggers=["two"])
    assert [command for command, _, _ in host.ran] == ["make", "make", "undo"]


def test_a_changed_input_updates_with_update_else_with_create(project: Project, host: Host) -> None:
    """Without triggers any other input runs the command again, in place."""
    connection = host.connection()
    project.up(kind="remote", create="make", stdin="1", connection=connection)
    project.up(kind="remote", create="make", stdin="2", connection=connection)
    project.up(kind="remote", create="make", update="renew", stdin="2", connection=connection)
    assert [command for command, _, _ in host.ran] == ["make", "make", "renew"]


def test_the_run_before_is_in_the_environment_unless_refused(project: Project, host: Host) -> None:
    """What the last command wrote is offered to the next one, on request of the default."""
    connection = host.connection()
    project.up(kind="remote", create="first", connection=connection)
    project.up(kind="remote", create="second", connection=connection)
    quiet = {"add_previous_output_in_env": False, "environment": {"LANG": "C"}}
    project.up(kind="remote", create="third", connection=connection, **quiet)
    assert [environment for _, _, environment in host.ran] == [
        {},
        {"PULUMI_COMMAND_STDOUT": "stdout of first", "PULUMI_COMMAND_STDERR": "stderr of first"},
        {"LANG": "C"},
    ]


def test_destroy_runs_the_delete_command(project: Project, host: Host) -> None:
    """And only that one."""
    project.up(kind="remote", create="make", delete="undo", connection=host.connection())
    assert project.pulumi("destroy", "--yes", "--skip-preview", "--stack", "test").returncode == 0
    assert [command for command, _, _ in host.ran] == ["make", "undo"]
