"""Where a guest is reached."""

import pytest

from ops.core import addresses

AGENT = {
    "result": [
        {"name": "lo", "ip-addresses": [{"ip-address": "127.0.0.1"}, {"ip-address": "::1"}]},
        {
            "name": "eth0",
            "ip-addresses": [
                {"ip-address": "fe80::1"},
                {"ip-address": "2001:db8::5"},
                {"ip-address": "192.0.2.5"},
            ],
        },
        {"name": "dummy0"},
    ]
}


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"ipconfig0": "ip=192.0.2.5/24,gw=192.0.2.1"}, ["192.0.2.5"]),
        ({"ipconfig0": "ip=dhcp,ip6=2001:db8::5/64"}, ["2001:db8::5"]),
        ({"ipconfig0": "ip=dhcp"}, []),
        (
            {"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=192.0.2.6/24,type=veth"},
            ["192.0.2.6"],
        ),
        ({"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}, []),
        ({"net1": "name=eth1,ip=192.0.2.8/24", "net0": "name=eth0,ip=manual"}, ["192.0.2.8"]),
        ({"description": "ip=192.0.2.9/24"}, []),
    ],
)
def test_the_configuration_tells_a_static_address(config, found):
    """Of a VM's cloud-init drive or a container's interface; dhcp is none."""
    assert addresses.configured(config) == found


def test_the_agent_tells_the_others():
    """Without those that lead nowhere from elsewhere, IPv4 first."""
    assert addresses.reported_by_agent(AGENT) == ["192.0.2.5", "2001:db8::5"]


def test_a_container_tells_its_own():
    """As `lxc/VMID/interfaces` gives them."""
    answer = [
        {"name": "lo", "inet": "127.0.0.1/8"},
        {"name": "eth0", "inet": "192.0.2.7/24", "inet6": "fe80::2/64"},
    ]
    assert addresses.reported_by_container(answer) == ["192.0.2.7"]


@pytest.mark.parametrize("answer", [None, {}, {"result": None}, []])
def test_an_empty_answer_is_no_address(answer):
    """A guest that has just booted."""
    assert addresses.reported_by_agent(answer) == []
