"""Whole outputs, kept to be read.

`UPDATE_GOLDEN=1 pytest tests/components/test_cloud_init_golden.py` renews them.
"""

import os
from pathlib import Path

import pytest

from components.cloud_init import (
    Birth,
    Distribution,
    MailRelay,
    container_script,
    security_files,
    user_data,
)

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("distribution", Distribution)
@pytest.mark.parametrize("environment", ["lab", "prod"])
def test_the_output_is_the_one_that_was_read(distribution, environment):
    """A change of a template shows in full in the review, as a guest will get it."""
    birth = Birth(
        hostname=f"{environment}-web",
        distribution=distribution,
        environment=environment,
        user="ops",
        ssh_keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA ada@example.org",),
        auto_security_updates=True,
        agent_enabled=True,
        mail_to="ops@example.org",
        mail_relay=MailRelay(host="relay.example.org", port=587, sender=f"{environment}-web@example.org"),
        time_zone="Europe/Paris",
    )
    rendered = {"user-data.yaml": user_data(birth), "container.sh": container_script(birth)}
    rendered |= {f"files{file.path}": file.content for file in security_files(birth)}
    folder = GOLDEN / f"{distribution}-{environment}"
    if os.environ.get("UPDATE_GOLDEN"):
        _write(folder, rendered)
    kept = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert rendered == kept


def _write(folder, rendered):
    for old in folder.rglob("*"):
        if old.is_file():
            old.unlink()
    for name, text in rendered.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
