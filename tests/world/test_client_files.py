"""The files by which people's own ssh finds the guests: there in time, and not written for each of many."""

import asyncio
from pathlib import Path

import asyncssh
import pytest

from lab import world as lab_world


@pytest.fixture
def written(monkeypatch) -> list[int]:
    """How many guests were written, by turn."""
    turns: list[int] = []
    write = lab_world.write_client_files

    def counted(directory, identity, guests, port) -> None:
        turns.append(len(guests))
        write(directory, identity, guests, port)

    monkeypatch.setattr(lab_world, "write_client_files", counted)
    return turns


def test_many_guests_are_written_once(written, world) -> None:
    """What one look finds is written at its end: five hundred guests do not cost five hundred files."""
    written.clear()
    world.call(lambda: [world.pve.add_ct(vmid, f"box{vmid}", status="running") for vmid in range(101, 141)])
    assert written == [40]


def test_what_has_not_changed_is_not_written(written, world) -> None:
    """The lab looks twenty times a second."""
    world.call(lambda: world.pve.add_ct(101, "box", status="running"))
    written.clear()
    world.reconcile()
    world.reconcile()
    assert written == []


def test_a_guest_stands_in_the_files_when_its_task_has_ended(world, make_container) -> None:
    """Who has waited for the task can log in at once."""
    make_container(name="box")
    assert "Host box 201" in world.ssh_config.read_text()
    assert "127.64.0.201" in world.directory.joinpath("known_hosts").read_text()


def test_a_guest_stands_in_the_files_when_it_has_been_waited_for(world) -> None:
    """Also where nobody but the lab's own look has seen it start."""
    world._thread.loop.call_soon_threadsafe(
        lambda: [world.pve.add_ct(vmid, f"box{vmid}", status="running") for vmid in range(101, 141)]
    )
    world.wait_for_guest(101)
    assert "Host box101 101" in world.ssh_config.read_text()


def test_a_guest_that_is_gone_leaves_the_files(world, api, make_container) -> None:
    """Its address may be another's tomorrow."""
    make_container(name="box")
    assert api.task("POST", "/nodes/pve1/lxc/201/status/stop") == "OK"
    assert api.task("DELETE", "/nodes/pve1/lxc/201") == "OK"
    assert "box" not in world.ssh_config.read_text()


def test_a_guest_that_does_not_start_holds_up_no_other(world) -> None:
    """The files have those that do."""
    world.call(
        lambda: (
            world.pve.add_vm(
                101, "wrong", status="running", config={"cicustom": "user=x:y", "ide2": "a:cloudinit"}
            ),
            world.pve.add_ct(102, "right", status="running"),
        )
    )
    assert world.guest("right").listener
    assert "Host right 102" in world.ssh_config.read_text()


def test_the_files_are_read_in_a_directory_of_any_name(tmp_path: Path) -> None:
    """A blank and an umlaut are common in a person's home."""

    async def log_in(config: Path) -> str:
        async with asyncssh.connect("box", config=[config]) as client:
            return str((await client.run("hostname")).stdout)

    with lab_world.World(tmp_path / "J\u00f6rg's place", guest_port=0) as world:
        world.call(lambda: world.pve.add_ct(101, "box", status="running"))
        world.guest("box").add_keys("root", [world.identity.public])
        assert asyncio.run(log_in(world.ssh_config)) == "box\n"
