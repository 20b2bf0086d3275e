"""The shape of what the components declare; behaviour on the real engine stands in tests/lab."""

from datetime import UTC, datetime

import pytest

VM = {"name": "web", "vm_id": 101, "distribution": "debian"}
CT = {"name": "cache", "vm_id": 201, "distribution": "debian"}


def test_lab_guest_carries_its_day_and_does_not_come_back_by_itself(run):
    """Tags are canonical; neither the node's boot nor an update brings an old guest back."""
    registered = run(virtual_machines=[VM | {"tags": ["Demo"]}], containers=[CT])
    vm, ct = registered.of("VmLegacy")["web"], registered.of("ContainerLegacy")["cache"]
    assert vm["tags"] == ["demo", "environment-lab", "expires-2026-12-07", "managed-by-pulumi"]
    assert ct["tags"] == ["environment-lab", "expires-2026-12-07", "managed-by-pulumi"]
    assert (vm["started"], vm["onBoot"]) == (True, False)
    assert (ct["started"], ct["startOnBoot"]) == (True, False)


def test_a_guest_whose_day_is_over_is_declared_stopped(run):
    """The program itself passes started=False, by the rule that the operations use."""
    late = datetime(2026, 12, 8, 0, 0, 1, tzinfo=UTC)
    registered = run(now=late, virtual_machines=[VM | {"on_boot": True}], containers=[CT])
    vm, ct = registered.of("VmLegacy")["web"], registered.of("ContainerLegacy")["cache"]
    assert (vm["started"], vm["onBoot"]) == (False, False)
    assert (ct["started"], ct["startOnBoot"]) == (False, False)
    alive = run(virtual_machines=[VM], containers=[CT])
    setups = [each.of(":Command")["cache-setup"] for each in (registered, alive)]
    assert setups[0] == setups[1]  # so that the end of a guest is no change of it


def test_prod_is_protected_and_never_expires(run):
    """Protection in Proxmox VE, no reboot for an update, start with the node, no expiry."""
    registered = run(environment="prod", virtual_machines=[VM], containers=[CT])
    vm, ct = registered.of("VmLegacy")["web"], registered.of("ContainerLegacy")["cache"]
    assert vm["tags"] == ["environment-prod", "managed-by-pulumi"]
    assert (vm["protection"], vm["onBoot"], vm["rebootAfterUpdate"]) == (True, True, False)
    assert (ct["protection"], ct["startOnBoot"]) == (True, True)
    assert not registered.of(":ExpiryDate")


def test_no_expire_carries_its_reason(run):
    """Who lives on says why, where an administrator looks."""
    guest = VM | {"no_expire": {"reason": "reference", "review_on": "2027-06-30"}}
    vm = run(virtual_machines=[guest]).of("VmLegacy")["web"]
    assert "no-expire" in vm["tags"]
    assert "no-expire: reference (review 2027-06-30)" in vm["description"]


def test_user_data_is_named_by_a_plain_string(run):
    """An id that were another resource's output would be unknown in a preview, and replace the VM (A1)."""
    registered = run(virtual_machines=[VM])
    initialization = registered.of("VmLegacy")["web"]["initialization"]
    assert initialization["userDataFileId"] == "local:snippets/lifecycle-101-web-user-data.yaml"
    assert initialization["metaDataFileId"] == "local:snippets/lifecycle-101-web-meta-data.yaml"
    assert registered.of("FileLegacy")["web-user-data"]["sourceRaw"]["data"].startswith("#cloud-config\n")


def test_one_image_serves_every_vm_of_a_node(run):
    """The same address is downloaded once for each node."""
    guests = [VM, VM | {"name": "db", "vm_id": 102}, VM | {"name": "far", "vm_id": 103, "node": "pve2"}]
    files = run(virtual_machines=guests).of("download/file:File")
    assert sorted(inputs["nodeName"] for inputs in files.values()) == ["pve1", "pve2"]


def test_containers_are_unprivileged_with_nesting(run):
    """Both are said explicitly: the provider's defaults are the opposite (A11)."""
    ct = run(containers=[CT]).of("ContainerLegacy")["cache"]
    assert (ct["unprivileged"], ct["features"]) == (True, {"nesting": True})


def test_the_container_is_set_up_through_its_node(run):
    """The host key is given, nothing is logged, and the script goes through standard input."""
    command = run(containers=[CT]).of(":Command")["cache-setup"]
    assert command["create"].endswith("else pct exec 201 -- /bin/sh -s; fi")
    assert command["connection"]["host"] == "pve1.example.org"
    assert command["connection"]["hostKey"].startswith("ssh-ed25519 ")
    assert (command["logging"], command["addPreviousOutputInEnv"]) == ("none", False)
    assert command["stdin"].startswith("#!/bin/sh")
    assert command["stdin"].endswith("# Its last day: 2026-12-07\n")
    assert command["triggers"][0] == "cache-id"


def test_a_snapshot_before_a_change_hangs_on_all_that_changes_the_guest(run):
    """The VM, the container, the script that runs again in it; nothing else, and only where it is wanted."""
    wanted = {"snapshot_before_change": True}
    registered = run(
        virtual_machines=[VM | wanted, VM | {"name": "db", "vm_id": 102}], containers=[CT | wanted]
    )
    assert registered.hooks == {
        "web": ["web-snapshot-before-change"],
        "cache": ["cache-snapshot-before-change"],
        "cache-setup": ["cache-snapshot-before-change"],
    }


@pytest.mark.parametrize(("user", "shell"), [("root", "/bin/sh -s"), ("admin", "sudo -n /bin/sh -s")])
def test_the_operations_host_is_set_up_through_standard_input(run, host_key, user, shell):
    """The command line holds nothing; host key checked, nothing logged, nothing run at a destroy."""
    host = {"address": "ops.example.org", "host_key": host_key, "user": user}
    command = run(operations_host=host).of(":Command")["operations-setup"]
    assert command["create"] == shell
    assert command["stdin"].startswith("#!/bin/sh")
    assert (command["logging"], command["addPreviousOutputInEnv"]) == ("none", False)
    assert command["connection"]["hostKey"] == host_key
    assert not {"delete", "update", "environment", "triggers"} & set(command)


def test_a_reminder_reaches_whoever_types_up(run, caplog):
    """As a warning of the run; everything is declared all the same."""
    guest = VM | {"no_expire": {"reason": "reference", "review_on": "2026-11-22"}}
    assert "web" in run(virtual_machines=[guest], containers=[CT]).of("VmLegacy")
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == [
        "web: no_expire was to be reviewed by 2026-11-22; write a new review_on, or remove no_expire"
    ]
