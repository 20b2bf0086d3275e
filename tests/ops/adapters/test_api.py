"""The API adapter: reads are repeated, writes are not, errors are told apart, nothing leaks."""

import logging
import socket

import pytest
from proxmoxer.core import ResourceException

from ops.adapters.api_errors import refused
from ops.errors import AuthenticationError, LifecycleError, UnknownOutcomeError, UnreachableError

DROP = "drop"
SECRET = "canary-of-the-api-91bd"
SNAPSHOT = "nodes/pve1/qemu/100/snapshot"
VERSION = (200, {"version": "9.0.10"})


@pytest.mark.parametrize("trouble", [DROP, (500, ""), (502, "<html>"), (503, ""), (596, ""), (599, "")])
def test_a_read_is_repeated_twice(trouble, api, script):
    """Two failures of connection or server are waited out."""
    script.answers = [trouble, trouble, VERSION]
    assert api.read("version") == {"version": "9.0.10"}
    assert len(script.requests) == 3


@pytest.mark.parametrize("trouble", [DROP, (502, "<html>"), (596, ""), (595, "")])
def test_a_read_gives_up_in_the_end(trouble, api, script):
    """Three attempts, then an error that says that nobody could be reached."""
    script.answers = [trouble]
    with pytest.raises(UnreachableError):
        api.read("version")
    assert len(script.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_repeated(status, api, script):
    """What PVE refuses it refuses the second time, too."""
    script.answers = [(status, None)]
    with pytest.raises(LifecycleError):
        api.read("version")
    assert len(script.requests) == 1


@pytest.mark.parametrize("trouble", [DROP, (502, "<html>"), (504, ""), (596, ""), (599, "")])
@pytest.mark.parametrize(("method", "path"), [("POST", SNAPSHOT), ("DELETE", f"{SNAPSHOT}/before")])
def test_a_write_whose_answer_was_lost_is_not_repeated(trouble, method, path, api, script):
    """It may have been accepted: said so, and sent once."""
    script.answers = [trouble]
    with pytest.raises(UnknownOutcomeError, match="may have been accepted"):
        api.write(method, path)
    assert script.requests == [(method, f"/api2/json/{path}")]


@pytest.mark.parametrize("trouble", [(500, ""), (503, ""), (595, "")])
def test_a_write_that_was_answered_or_never_arrived_is_no_doubt(trouble, api, script):
    """PVE's own 500, a gateway without a backend and a node out of reach have done nothing."""
    script.answers = [trouble]
    with pytest.raises(LifecycleError) as caught:
        api.write("POST", SNAPSHOT)
    assert not isinstance(caught.value, UnknownOutcomeError)
    assert len(script.requests) == 1


def test_a_write_that_never_left_is_no_doubt(script, make_api):
    """A refused connection has accepted nothing."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    api = make_api(f"https://127.0.0.1:{port}", script.certificate)
    with pytest.raises(UnreachableError, match="connection was refused"):
        api.write("POST", SNAPSHOT)


def test_a_write_gives_the_tasks_id(api, script):
    """What comes back is what is followed."""
    script.answers = [(200, '{"data": "UPID:pve1:1:1:1:qmsnapshot:100:ops@pve!test:"}')]
    assert api.write("POST", SNAPSHOT, snapname="before").startswith("UPID:pve1:")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in ("<html>login</html>", "[1]", '"text"', '{"status": "ok"}', "")),
        *((404, body) for body in ("<html>not found</html>", "[1]", '"text"', "")),
    ],
)
def test_what_is_not_proxmox_is_recognised(status, body, api, script):
    """A portal, another product's JSON, an empty page: one sentence instead of a traceback."""
    script.answers = [(status, body)]
    with pytest.raises(LifecycleError, match="not the Proxmox VE API"):
        api.read("version")


@pytest.mark.parametrize(
    "body", ["", '{"data": "UPID:pve1:0', "<html>login</html>", "[1]", '{"status": "ok"}']
)
def test_a_write_whose_answer_cannot_be_read_may_have_been_accepted(body, api, script):
    """A connection that breaks in the middle of an answer is no refusal."""
    script.answers = [(200, body)]
    with pytest.raises(UnknownOutcomeError, match="may have been accepted, and is not sent again"):
        api.write("POST", SNAPSHOT)
    assert len(script.requests) == 1


def test_a_redirection_is_not_followed(api, script):
    """The token is for this server, and a write that is redirected would become a read."""
    script.answers = [(302, None)]
    for call in (lambda: api.read("version"), lambda: api.write("POST", SNAPSHOT)):
        with pytest.raises(LifecycleError, match="not the Proxmox VE API"):
            call()
    assert len(script.requests) == 2


def test_a_forbidden_call_names_privilege_and_path(fakepve, fake_api):
    """PVE's words, the privilege, the path, and the command."""
    fakepve.add_vm(100, "web")
    fakepve.grant("ops@pve!test", "/vms", "VM.Audit")
    with pytest.raises(LifecycleError) as caught:
        fake_api.write("POST", SNAPSHOT, snapname="before")
    assert "the token ops@pve!test lacks VM.Snapshot on /vms/100" in caught.value.what
    assert "Permission check failed" in caught.value.what
    assert "pveum acl modify /vms/100 -token 'ops@pve!test'" in caught.value.remedy


def test_a_wrong_parameter_keeps_pves_words(fakepve, fake_api):
    """PVE says which field it does not like, and that is passed on."""
    fakepve.add_vm(100, "web")
    with pytest.raises(LifecycleError, match="snapname"):
        fake_api.write("POST", SNAPSHOT, snapname="1 bad name")


def test_a_refused_token_is_an_error_of_its_own(fakepve, fake_api):
    """Wrong or expired: told from everything else, with the token's name and not its secret."""
    fakepve.apitokens.clear()
    with pytest.raises(AuthenticationError) as caught:
        fake_api.read("version")
    assert "ops@pve!test" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_call_that_is_not_allowed_is_not_sent(api, script):
    """The allow-list stands before the network; what it stops is a bug, not an expected failure."""
    with pytest.raises(PermissionError):
        api.write("DELETE", "nodes/pve1/qemu/100")
    with pytest.raises(PermissionError):
        api.read("access/users")
    assert not script.requests


def test_form_data_and_token_stay_out_of_the_log(api, script, caplog):
    """The library logs the data of every call at INFO; here it does not, whatever the root logger says."""
    caplog.set_level(logging.DEBUG)
    script.answers = [(200, "")]
    with pytest.raises(LifecycleError):
        api.write("POST", SNAPSHOT, description=f"password {SECRET}")
    assert SECRET not in caplog.text


def test_requests_own_bundle_does_not_replace_ours(api, script, monkeypatch, tmp_path):
    """REQUESTS_CA_BUNDLE of the shell must not win over the CA that was named."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    script.answers = [VERSION]
    assert api.read("version")


def test_a_netrc_of_the_user_and_a_later_proxy_change_nothing(script, make_api, tmp_path, monkeypatch):
    """The token is the one that was given, and the way is looked up once."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else", "utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    told = make_api(script.url, script.certificate)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    script.answers = [VERSION]
    assert told.read("version") == {"version": "9.0.10"}


def test_a_proxy_of_the_environment_is_used(script, make_api, monkeypatch):
    """Where nobody listens on it, nobody can be reached."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    script.answers = [VERSION]
    with pytest.raises(UnreachableError):
        make_api(script.url, script.certificate).read("version")
    assert script.requests == []


def test_a_ca_file_that_holds_no_certificate_is_named(script, make_api, tmp_path):
    """Before anything is sent; the file is what a person has to look at."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("not a certificate")
    with pytest.raises(LifecycleError, match=r"ca\.pem: holds no CA certificate"):
        make_api(script.url, str(wrong))


@pytest.mark.parametrize("said", ["Mon, 23 Nov 2026 16:00:00 -0000", "tomorrow", ""])
def test_a_date_without_its_zone_is_no_time(said, api, script, monkeypatch):
    """A proxy's own clock, written in its own way: nothing can be compared with it."""
    monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: said)
    script.answers = [(200, {})]
    api.read("version")
    assert api.server_time is None


@pytest.mark.parametrize("path", ["/", "/vms/101"])
def test_a_tag_that_is_kept_for_administrators_asks_for_no_privilege(path):
    """PVE names Sys.Modify, which no token of the operations may have."""
    words = f"Permission check failed ({path}, Sys.Modify for modifying tag 'expires-2026-12-31')"
    refusal = ResourceException(403, words, "")
    told = refused(refusal, endpoint="https://pve", token_id="a@pve!b", method="PUT", path="config")
    assert "expires-2026-12-31" in told.what
    assert "Registered Tags" in told.remedy
    assert "pveum" not in told.remedy
