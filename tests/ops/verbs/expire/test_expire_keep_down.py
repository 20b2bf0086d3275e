"""A guest that is down by its expiry, and that its node would start again."""

import pytest

OVER = "environment-lab;expires-2026-02-15"
CONFIG = "/nodes/{node}/{kind}/{vmid}/config"


def no_writes_of_configurations(world, kind="qemu"):
    """Have the server refuse them for now; the return value lets them through again."""
    world.call(lambda: world.pve.fail("PUT", CONFIG.replace("{kind}", kind), 500, "got timeout"))
    return lambda: world.call(world.pve.failures.clear)


def starts(guest):
    """Whether its node starts it."""
    return str(guest.config.get("onboot", 0)) == "1"


@pytest.mark.parametrize("container", [False, True])
def test_what_one_run_could_not_write_the_next_one_writes(world, guest, expire, people, container):
    """The first run stops it and fails on `onboot`; the second repairs that, and nobody is told twice."""
    made = guest(101, config={"onboot": 1}, container=container)
    mended = no_writes_of_configurations(world, "lxc" if container else "qemu")
    first = expire()
    assert (first.code, first.document["stopped"], starts(made)) == (1, [101], True)
    mended()
    told = len(people.alerts)
    second = expire()
    (item,), (outcome,) = second.document["plan"], second.document["outcomes"]
    assert (item["action"], item["reason"]) == ("keep down", "starts_at_boot")
    assert (outcome["action"], outcome["result"]) == ("set onboot=0", "done")
    assert (second.code, second.document["kept_down"], starts(made)) == (0, [101], False)
    assert len(people.alerts) == told
    third = expire()
    assert (third.code, third.document["plan"], third.document["outcomes"]) == (0, [], [])


def test_it_is_shown_counted_and_not_done_in_a_dry_run(world, guest, expire, tmp_path):
    """As every other action."""
    made = guest(101, status="stopped", config={"onboot": 1})
    dry = expire("--dry-run")
    assert [item["action"] for item in dry.document["plan"]] == ["keep down"]
    assert (dry.code, starts(made), world.writes()) == (0, True, [])
    assert expire("--metrics", str(tmp_path)).code == 0
    counts = (tmp_path / "pve_lifecycle_expire_counts.prom").read_text()
    assert "pve_lifecycle_expire_kept_down 1.0" in counts
    run = (tmp_path / "pve_lifecycle_expire_run.prom").read_text()
    assert 'pve_lifecycle_last_run_actions{operation="expire",result="done"} 1.0' in run


@pytest.mark.parametrize(
    ("tags", "config"),
    [
        (OVER, {"protection": 1}),
        (f"{OVER};managed-by-pulumi", {}),
        (f"{OVER};no-expire", {}),
        ("environment-lab;expires-2026-02-16", {}),
        ("environment-prod", {}),
    ],
)
def test_others_that_are_down_keep_their_start_at_boot(world, guest, expire, tags, config):
    """Protected, declared by the program, not expired or not of the lab: nothing is written."""
    made = guest(101, tags, status="stopped", config={"onboot": 1} | config)
    run = expire()
    assert (run.code, run.document["outcomes"], world.writes(), starts(made)) == (0, [], [], True)


def test_one_that_was_started_meanwhile_is_left_to_the_next_run(world, guest, expire, people):
    """Nobody was told of its stop."""
    made = guest(101, status="stopped", config={"onboot": 1})
    guest(102)
    people.when_told = lambda: world.call(lambda: setattr(made, "status", "running"))
    run = expire()
    assert (run.document["stopped"], made.status, world.writes(101)) == ([102], "running", [])
    assert (run.code, starts(made)) == (0, True)


def test_over_the_ceiling_nothing_is_written_there_either(world, guest, expire):
    """What looks like a mistake is not done by halves."""
    made = guest(100, status="stopped", config={"onboot": 1})
    for vmid in range(101, 104):
        guest(vmid)
    run = expire("--max-stops", "1")
    assert (run.code, world.writes(), starts(made)) == (1, [], True)


def test_without_a_notice_it_is_done_all_the_same(world, guest, expire, people):
    """Stops are withheld; nobody loses anything that runs when a flag goes."""
    people.status = 500
    made, running = guest(101, status="stopped", config={"onboot": 1}), guest(102)
    run = expire()
    assert (run.code, running.status, starts(made)) == (1, "running", False)
