"""No secret is left anywhere: canary values, searched for after a full run."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _middle(private_key):
    """A line out of the middle of a private key, which survives any quoting."""
    lines = [line for line in private_key.splitlines() if "-----" not in line]
    return max(lines, key=len)


def test_no_secret_in_state_output_errors_or_arguments(make_project, world):
    """Token, node key and passphrase, after up, an error, a refresh and a destroy."""
    project = make_project(
        virtual_machines=[{"name": "quiet", "vm_id": 151, "distribution": "debian"}],
        containers=[{"name": "still", "vm_id": 251, "distribution": "debian"}],
    )
    project.up("--diff", now=NOW)
    files = [path for path in project.directory.joinpath("state").rglob("*") if path.is_file()]
    on_disk = "".join(path.read_text(errors="replace") for path in files)
    project.up("--refresh", now=NOW)
    project.state()
    world.log.exit_codes[251] = 1
    project.write(
        mail_to="ops@example.org", mail_relay={"host": "mail.example.org", "sender": "lab@example.org"}
    )
    failed = project.up("--verbose=3", "--logtostderr", now=NOW, check=False)
    assert failed.status != 0
    del world.log.exit_codes[251]
    project.up(now=NOW)
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack, now=NOW)

    canaries = {
        "token": project.environ["PROXMOX_VE_API_TOKEN"].partition("=")[2],
        "node key": _middle(project.environ["PROXMOX_VE_SSH_PRIVATE_KEY"]),
        "passphrase": project.environ["PULUMI_CONFIG_PASSPHRASE"],
    }
    places = {
        "state": on_disk,
        "output": "".join(project.transcripts),
        "arguments": "".join(command.line for command in world.commands),
        "scripts": "".join(str(run.script) for run in world.provisioned),
    }
    found = [
        (name, place) for name, secret in canaries.items() for place, text in places.items() if secret in text
    ]
    assert found == []
    assert all(places.values())
