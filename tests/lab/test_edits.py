"""What a person may edit in a stack that is up harms no guest of it."""

from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.lab

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
VMS = [
    {"name": "web", "vm_id": 101, "distribution": "debian", "tags": ["Demo"]},
    {"name": "build", "vm_id": 102, "distribution": "debian", "clone_from": 9000},
]


@pytest.fixture(scope="module")
def project(make_project):
    """One stack with a VM from an image, a VM from a clone and a container, once up."""
    made = make_project(
        virtual_machines=VMS,
        containers=[{"name": "cache", "vm_id": 201, "distribution": "debian"}],
        mail_to="ops@example.org",
        mail_relay={"host": "mail.example.org", "sender": "lab@example.org"},
    )
    made.up(now=NOW)
    return made


@pytest.fixture
def unchanged(project):
    """Put the configuration back after a test that edits it."""
    before = dict(project.config)
    yield
    project.write(**before)


def _edit_template(project):
    template = project.directory / "templates"
    source = template.resolve()
    template.unlink()
    template.mkdir()
    for file in source.iterdir():
        if file.suffix == ".j2":
            (template / file.name).write_text(file.read_text())
    user_data = template / "user-data.yaml.j2"
    user_data.write_text(user_data.read_text() + "final_message: another line\n")


EDITS = {
    "a key added": {"ssh_keys": None},
    "another image": {
        "image": {"url": "https://images.example.org/debian-12-20260202.qcow2", "checksum": "1" * 64}
    },
    "another mail address": {"mail_to": "other@example.org"},
    "another container template": {
        "container_template": "local:vztmpl/ubuntu-24.04-standard_24.04-2_amd64.tar.zst"
    },
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.usefixtures("unchanged")
def test_what_a_person_may_edit_harms_no_guest(project, world, another_public_key, edit):
    """No replace, no delete, no update of a guest; and nothing is stopped or started by the up."""
    changes = EDITS[edit]
    project.write(
        **{key: value or [*project.config["ssh_keys"], another_public_key] for key, value in changes.items()}
    )
    steps = project.preview(now=NOW)
    guests = [step for step in steps if step["urn"].endswith(("::web", "::build", "::cache"))]
    assert not guests, guests
    assert {step["op"] for step in steps if "File" not in step["urn"]} <= {"update"}
    before = len(world.writes())
    project.up(now=NOW)
    calls = [request.path for request in world.writes()[before:]]
    assert not [path for path in calls if "/status/" in path], calls


def test_an_edited_template_changes_nothing_that_lives(make_project, world):
    """A line of the template is for new guests; old ones are not even updated."""
    project = make_project(virtual_machines=[{"name": "old", "vm_id": 111, "distribution": "debian"}])
    project.up(now=NOW)
    _edit_template(project)
    assert project.preview(now=NOW) == []
    project.write(
        virtual_machines=[
            *project.config["virtual_machines"],
            {"name": "new", "vm_id": 112, "distribution": "debian"},
        ]
    )
    project.up(now=NOW)
    files = {path.name: path.read_text() for path in world.directory.rglob("lifecycle-11*-user-data.yaml")}
    assert "another line" not in files["lifecycle-111-old-user-data.yaml"]
    assert "another line" in files["lifecycle-112-new-user-data.yaml"]
    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", project.stack, now=NOW)


@pytest.mark.usefixtures("unchanged")
def test_a_tag_added_is_one_update_in_place(project, world):
    """The guest goes on running."""
    project.write(virtual_machines=[VMS[0] | {"tags": ["demo", "team-a"]}, VMS[1]])
    steps = [
        step
        for step in project.preview(now=NOW)
        if "components" not in step["urn"].split("::")[2].split("$")[-1]
    ]
    assert [(step["op"], step["urn"].rsplit("::", 1)[1]) for step in steps] == [("update", "web")]
    before = len(world.writes())
    project.up(now=NOW)
    assert not [r for r in world.writes()[before:] if "/status/" in r.path]
    assert "team-a" in world.call(lambda: world.pve.vm(101).config["tags"])
