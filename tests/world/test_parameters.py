"""What a request gives is read as PVE reads it, where the fake would refuse it or drop a part."""

import pytest
import requests

CONFIG = "/nodes/pve1/lxc/201/config"
OPTIONS = {"nameserver": "192.0.2.53", "searchdomain": "lab.example.org", "timezone": "host"}


@pytest.mark.parametrize(
    "delete",
    [
        ["nameserver", "searchdomain"],
        "nameserver,searchdomain",
        "nameserver;searchdomain",
        "nameserver searchdomain",
        "nameserver\0searchdomain",
    ],
    ids=["repeated", "commas", "semicolons", "blanks", "NULs"],
)
def test_what_is_to_go_may_be_given_in_every_way(api, make_container, delete) -> None:
    """The provider repeats the name; people write commas; the third option stays."""
    make_container(**OPTIONS)
    api.data("PUT", CONFIG, delete=delete)
    assert OPTIONS.keys() & api.data("GET", CONFIG).keys() == {"timezone"}


@pytest.mark.parametrize("kind", ["lxc/201", "qemu/101"])
def test_an_empty_description_and_empty_tags_are_none(api, make_container, make_vm, kind) -> None:
    """A guest has them no more, and what else is to go goes with them."""
    make_container(description="a note", tags="web", nameserver="192.0.2.53")
    make_vm(description="a note", tags="web", nameserver="192.0.2.53")
    api.data("PUT", f"/nodes/pve1/{kind}/config", description="", tags="", delete="nameserver")
    assert not {"description", "tags", "nameserver"} & api.data("GET", f"/nodes/pve1/{kind}/config").keys()


def test_an_empty_description_of_a_snapshot_is_written(api, make_vm) -> None:
    """A keep line that was taken away is away, also where it was all that stood there."""
    make_vm()
    snapshot = "/nodes/pve1/qemu/101/snapshot"
    assert api.task("POST", snapshot, snapname="before", description="keep") == "OK"
    api.data("PUT", f"{snapshot}/before/config", description="")
    described = {each["name"]: each["description"].strip() for each in api.data("GET", snapshot)}
    assert described["before"] == ""


def test_the_journal_has_what_was_sent(world, api, make_container) -> None:
    """As it came, for a test that asks what a program sends."""
    make_container()
    api.data("PUT", CONFIG, description="", nameserver="192.0.2.53")
    assert world.writes(201)[-1].params["description"] == ""


@pytest.mark.usefixtures("world")
def test_a_fake_that_is_not_the_lab_s_reads_as_it_did(fakepve, fakepve_cafile) -> None:
    """In one process with a lab: what other tests stand on does not depend on who was imported first."""
    fakepve.add_ct(201, "box")
    fakepve.apitokens["root@pam!test"] = "secret"
    with requests.Session() as session:
        session.trust_env, session.verify = False, fakepve_cafile
        session.headers.update(Authorization="PVEAPIToken=root@pam!test=secret", Connection="close")
        answer = session.put(f"{fakepve.url}/api2/json{CONFIG}", data={"description": ""}, timeout=10)
    assert (answer.status_code, answer.reason) == (500, "no options specified")
