"""A cluster of 500 guests on five nodes."""

from collections import Counter

NODES = [f"pve{number}" for number in range(1, 6)]
# Tags and settings, and what a run makes of them; every kind is there fifty times.
KINDS = [
    ("Environment-Lab;expires-2026-02-15", {"onboot": 1}, "stop"),
    ("env-lab;expires-2026-01-01;web;managed-by-pulumi", {}, "stop"),
    ("environment-lab;expires-2026-02-16", {}, "warn"),
    ("environment-lab;expires-2026-03-16", {}, "leave"),
    ("environment-lab;expires-2027-01-01;db", {}, "leave"),
    ("environment-prod", {"protection": 1}, "leave"),
    ("environment-lab;expires-2026-02-15;no-expire", {}, "leave"),
    ("environment-lab", {}, "refuse"),
    ("environment-prod;environment-lab;expires-2026-02-15", {}, "refuse"),
    ("environment-lab;expires-2026-02-15;expires-2026-02-14", {}, "refuse"),
]


def populate(world):
    """The guests, VMs and containers in turn, each kind on every node."""
    for node in NODES:
        world.pve.add_node(node)
    for number in range(500):
        tags, settings, _ = KINDS[number % 10]
        add = world.pve.add_ct if number // 10 % 2 else world.pve.add_vm
        node, config = NODES[number // 10 % 5], {"tags": tags} | settings
        add(1000 + number, f"g{number}", node=node, status="running", config=config)


async def stay_away(*_):
    """Instead of booting 500 machines that speak SSH."""


def due(number):
    """Whether a run stops it."""
    return KINDS[number % 10][2] == "stop"


def test_the_right_ones_are_stopped_and_the_others_not_written_to(world, expire, monkeypatch):
    """One scan; 100 of 500 are stopped; no write reaches the other 400; the second run does nothing."""
    monkeypatch.setattr(world.fleet, "follow", stay_away)
    world.call(lambda: populate(world))
    run = expire("--parallel", "16")
    assert run.code == 0
    assert run.document["stopped"] == [1000 + number for number in range(500) if due(number)]
    requests = Counter((each.method, each.path) for each in world.requests)
    assert requests["GET", "/cluster/resources"] == 1
    for number in range(500):
        vmid = 1000 + number
        stopped = world.pve.guest(vmid).status == "stopped"
        asked = [each.path.rsplit("/", 1)[1] for each in world.writes(vmid)]
        assert (stopped, asked) == (
            due(number),
            ["shutdown", "config"][: 2 - number % 10] if due(number) else [],
        )
        assert due(number) or not world.requests.of(vmid)  # nor is it asked anything
    world.requests.clear()
    again = expire()
    assert (again.code, again.document["outcomes"], world.writes()) == (0, [], [])
    scan = {(each.method, each.path) for each in world.requests if "nodes/" not in each.path}
    assert scan == {("GET", "/cluster/resources"), ("GET", "/nodes")}
