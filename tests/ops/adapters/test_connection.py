"""Connection settings: where they come from, what is refused, and that no secret is ever shown."""

import pytest

from ops.adapters.connection import Connection, from_environment, from_file, load
from ops.errors import LifecycleError

SECRET = "canary-7f3a"
GOOD = {
    "PROXMOX_VE_ENDPOINT": "https://pve.example:8006/",
    "PROXMOX_VE_API_TOKEN": f"pulumi@pve!lab={SECRET}",
    "PROXMOX_VE_SSH_USERNAME": "pulumi",
    "PROXMOX_VE_SSH_PRIVATE_KEY": f"key {SECRET}",
    "PROXMOX_VE_SSH_NODES": (
        '{"pve1": {"address": "192.0.2.10", "port": 2222, "host_key": "ssh-ed25519 AAAA"}}'
    ),
    "PVE_LIFECYCLE_TIME_ZONE": "Europe/Paris",
    "PVE_LIFECYCLE_ALERTMANAGER": "http://one.example:9093 https://two.example/prefix",
    "PVE_LIFECYCLE_APPRISE": f"tgram://{SECRET}/-100123",
}
FILE = f"""
endpoint = "https://pve.example:8006/"
api_token = "pulumi@pve!lab={SECRET}"
time_zone = "Europe/Paris"

[notices]
alertmanager = ["http://one.example:9093", "https://two.example/prefix"]
apprise = ["tgram://{SECRET}/-100123"]

[ssh]
username = "pulumi"
private_key = "key {SECRET}"

[ssh.nodes.pve1]
address = "192.0.2.10"
port = 2222
host_key = "ssh-ed25519 AAAA"
"""


@pytest.fixture
def settings_file(tmp_path):
    """A good settings file with the right mode."""
    path = tmp_path / "connection.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def test_environment_and_file_say_the_same(settings_file):
    """The two sources give equal settings, and the file wins where it is named."""
    assert from_environment(GOOD) == from_file(settings_file)
    assert (
        load(settings_file, {"PROXMOX_VE_ENDPOINT": "https://other:8006"}).endpoint
        == "https://pve.example:8006"
    )


def test_tls_is_verified_by_default():
    """Only the word turns it off."""
    assert from_environment(GOOD).insecure is False
    assert from_environment(GOOD | {"PROXMOX_VE_INSECURE": "true"}).insecure is True
    assert from_environment(GOOD | {"PROXMOX_VE_INSECURE": ""}).insecure is False


def test_our_ca_file_comes_before_the_systems(tmp_path):
    """PROXMOX_VE_CA_FILE, then REQUESTS_CA_BUNDLE, then SSL_CERT_FILE; for a settings file, too."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PROXMOX_VE_CA_FILE")
    given = dict(GOOD)
    for name in names:
        given[name] = str(tmp_path / name)
        (tmp_path / name).touch()
        assert str(from_environment(given).ca_file) == given[name]


def test_a_settings_file_falls_back_on_the_systems_ca(settings_file, tmp_path):
    """The CA bundle is the system's matter and may come from the environment beside a file."""
    (tmp_path / "ca.pem").touch()
    assert (
        from_file(settings_file, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}).ca_file == tmp_path / "ca.pem"
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_use_is_refused(mode, settings_file):
    """Any right for group or others is refused, with the command that mends it."""
    settings_file.chmod(mode)
    with pytest.raises(LifecycleError) as caught:
        from_file(settings_file)
    assert caught.value.remedy == f"chmod 600 {settings_file}"


def test_the_token_is_named_without_its_secret():
    """Reports name the token; no way of showing the settings shows a secret."""
    settings = from_environment(GOOD)
    assert settings.token_id == "pulumi@pve!lab"
    for shown in (
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        repr(settings.ssh),
        repr(settings.notices),
    ):
        assert SECRET not in shown


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PROXMOX_VE_ENDPOINT", "", "PROXMOX_VE_ENDPOINT is not set"),
        ("PROXMOX_VE_ENDPOINT", "pve.example", "PROXMOX_VE_ENDPOINT must be written https://HOST:8006/"),
        ("PROXMOX_VE_ENDPOINT", "http://pve.example:8006", "must be written https://"),
        ("PROXMOX_VE_ENDPOINT", "https://pve.example:8006/api2/json", "must be written https://"),
        ("PROXMOX_VE_ENDPOINT", f"https://root:{SECRET}@pve.example:8006", "must be written https://"),
        ("PROXMOX_VE_ENDPOINT", "https://pve.example:port", "must be written https://"),
        ("PROXMOX_VE_API_TOKEN", SECRET, "PROXMOX_VE_API_TOKEN must be written USER@REALM!TOKENID=SECRET"),
        ("PROXMOX_VE_API_TOKEN", f"root@pam={SECRET}", "must be written USER@REALM!TOKENID=SECRET"),
        ("PROXMOX_VE_INSECURE", SECRET, "PROXMOX_VE_INSECURE"),
        ("PROXMOX_VE_CA_FILE", "/nowhere/ca.pem", "there is no file /nowhere/ca.pem"),
        ("PROXMOX_VE_SSH_NODES", "pve1=192.0.2.10", "PROXMOX_VE_SSH_NODES"),
        ("PROXMOX_VE_SSH_NODES", '{"pve1": {"port": 22}}', "PROXMOX_VE_SSH_NODES.pve1.address is not set"),
        ("PROXMOX_VE_SSH_NODES", '{"pve1": {"address": "a", "port": 0}}', "PROXMOX_VE_SSH_NODES.pve1.port"),
        ("PROXMOX_VE_SSH_NODES", '{"pve1": {"address": "a", "hostkey": "x"}}', "hostkey is not a setting"),
        ("PVE_LIFECYCLE_TIME_ZONE", "Europe/Pariss", "is no time zone; write one like Europe/Paris"),
        ("PVE_LIFECYCLE_ALERTMANAGER", "alertmanager:9093", "must be written http://HOST:9093"),
    ],
)
def test_a_malformed_setting_is_named_without_its_value(name, value, words):
    """The error names the variable and the form, and never what was given: it may be a secret."""
    with pytest.raises(LifecycleError) as caught:
        from_environment(GOOD | {name: value})
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", [f'api_token = "{SECRET}', f"{SECRET} = [", 'unknown = 1\napi_token = "x"'])
def test_a_malformed_file_is_named_without_its_content(text, settings_file):
    """TOML errors say where, not what."""
    settings_file.write_text(text)
    with pytest.raises(LifecycleError) as caught:
        from_file(settings_file)
    assert str(settings_file) in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_not_there_is_an_expected_failure(tmp_path):
    """A typing mistake in the name is no bug of ours."""
    with pytest.raises(LifecycleError, match="cannot be read: No such file"):
        from_file(tmp_path / "none.toml")


def test_without_a_port_it_is_the_providers_443():
    """The provider takes the address as it stands; we must not reach another port than it does."""
    assert from_environment(GOOD | {"PROXMOX_VE_ENDPOINT": "https://pve.example/"}).endpoint.endswith(":443")
    settings = from_environment(GOOD | {"PROXMOX_VE_ENDPOINT": "https://[2001:db8::1]:8006"})
    assert isinstance(settings, Connection)
    assert settings.endpoint == "https://[2001:db8::1]:8006"
