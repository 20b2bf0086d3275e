"""The preflight against a cluster and a node over TLS and SSH: what it says, and its exit code."""

import socket
import subprocess
import sys

import pytest

from ops import preflight
from ops.core.privileges import DEPLOYMENT

TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
IMAGE = "https://cloud.example/debian.qcow2"
TOKEN_ID = "pulumi@pve!test"


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_a_sound_cluster_passes(run_preflight, node):
    """Everything is checked, nothing fails, and the node is asked nothing but the two probes."""
    result = run_preflight("--container-template", TEMPLATE, "--image", IMAGE)
    statuses = {name: check["status"] for name, check in result.checks.items()}
    assert statuses.pop("clock") == "warning"  # fakepve's clock stands still
    assert set(statuses.values()) == {"ok"}, result.checks
    assert result.code == 0
    assert node.commands == [
        "sudo -n /usr/sbin/pvesm apiinfo",
        "sudo -n -l /usr/bin/tee /var/lib/vz/snippets/pve-preflight.yaml",
    ]


def test_nothing_is_changed(run_preflight, cluster):
    """The preflight only reads."""
    run_preflight("--container-template", TEMPLATE, "--image", IMAGE)
    assert {method for method, _, _ in cluster.requests} == {"GET"}


def _endpoint_closed(_cluster, monkeypatch):
    monkeypatch.setenv("PROXMOX_VE_ENDPOINT", f"https://127.0.0.1:{_free_port()}/")


def _name_unknown(_cluster, monkeypatch):
    monkeypatch.setenv("PROXMOX_VE_ENDPOINT", "https://pve.invalid:8006/")


def _no_proxmox(cluster, _monkeypatch):
    cluster.fail("GET", "/version", 200, "<html><body>Welcome</body></html>", html=True)


def _no_proxmox_404(cluster, _monkeypatch):
    cluster.fail("GET", "/version", 404, "<html><body>Not Found</body></html>", html=True)


def _proxy_fails(cluster, _monkeypatch):
    cluster.fail("GET", "/version", 502, "<html><body>Bad Gateway</body></html>", html=True)


def _wrong_token(cluster, _monkeypatch):
    cluster.apitokens[TOKEN_ID] = "another"


def _old_version(cluster, _monkeypatch):
    cluster.version = "7.4-3"


def _lacks_one_privilege(cluster, _monkeypatch):
    cluster.acl.clear()
    cluster.grant(TOKEN_ID, "/", *(set(DEPLOYMENT.privileges(9)) - {"VM.Clone"}))


def _node_offline(cluster, _monkeypatch):
    cluster.set_node_offline("pve1")


def _node_unreachable(cluster, _monkeypatch):
    cluster.fail("GET", "/nodes/pve1/storage", 595, "No route to host")


def _no_snippets(cluster, _monkeypatch):
    cluster.storages["local"]["content"] = "iso,vztmpl,backup,import"


def _storage_inactive(cluster, _monkeypatch):
    cluster.storages["local-lvm"]["active"] = 0


def _image_unreachable(cluster, _monkeypatch):
    cluster.fail("GET", "/nodes/pve1/query-url-metadata", 500, "download failed: no route")


def _fine(_cluster, _monkeypatch):
    pass


FAULTS = [
    # fault, arguments, the check that fails, what it says, what its remedy says
    (_endpoint_closed, [], "endpoint", "connection was refused", "port"),
    (_name_unknown, [], "endpoint", "cannot be resolved", "address"),
    (_no_proxmox, [], "endpoint", "not the Proxmox VE API", "PROXMOX_VE_ENDPOINT"),
    (_no_proxmox_404, [], "endpoint", "not the Proxmox VE API", "8006"),
    (_proxy_fails, [], "endpoint", "502", "later"),
    (_wrong_token, [], "token", "refused the token pulumi@pve!test", "PROXMOX_VE_API_TOKEN"),
    (_old_version, [], "version", "7.4-3 is older than 8", "Upgrade"),
    (_lacks_one_privilege, [], "privileges", "VM.Clone on /vms", '-append 1 -privs "VM.Clone"'),
    (_fine, ["--node", "pve7"], "node", "the cluster has pve1", "--node"),
    (_node_offline, [], "node", "offline", "pvecm status"),
    (_node_unreachable, [], "storages", "No route to host", "switched on"),
    (
        _no_snippets,
        [],
        "storage local",
        "does not allow snippets",
        "--content backup,import,iso,snippets,vztmpl",
    ),
    (_storage_inactive, [], "storage local-lvm", "not active", "pvesm status --storage local-lvm"),
    (
        _fine,
        ["--disk-storage", "tank"],
        "storage tank",
        "no such storage",
        "Datastore.Audit on /storage/tank",
    ),
    (
        _fine,
        ["--container-template", "local:vztmpl/none.tar.zst"],
        "container template",
        "there is no local:vztmpl/none.tar.zst",
        "pveam download local none.tar.zst",
    ),
    (_image_unreachable, ["--image", IMAGE], "image", f"cannot fetch {IMAGE}", "DNS"),
]


@pytest.mark.parametrize("row", FAULTS, ids=[f"{row[2]}-{row[3]}" for row in FAULTS])
def test_a_fault_is_named_with_its_remedy(row, run_preflight, cluster, monkeypatch):
    """Each thing that would fail later fails here, under its own name, with words and a remedy."""
    fault, arguments, name, what, remedy = row
    fault(cluster, monkeypatch)
    result = run_preflight(*arguments)
    assert result.code == 1
    check = result.checks[name]
    assert check["status"] == "failed"
    assert what in check["what"]
    assert remedy in check["remedy"]
    failed = [other for other, found in result.checks.items() if found["status"] == "failed"]
    assert failed == [name]


def test_a_token_without_an_acl_of_its_own_is_recognised(run_preflight, cluster):
    """A token with privilege separation begins with nothing, and the remedy gives it an ACL."""
    cluster.acl.clear()
    check = run_preflight().checks["privileges"]
    assert check["what"].startswith("the token has none at all")
    assert "pveum acl modify / -token 'pulumi@pve!test' -role PulumiDeploy" in check["remedy"]
    assert "pveum acl modify / -user 'pulumi@pve' -role PulumiDeploy" in check["remedy"]


def test_an_untrusted_certificate_fails(run_preflight, other_certificate, cluster, monkeypatch):
    """A certificate of another authority is refused, and the token is not sent there."""
    monkeypatch.setenv("PROXMOX_VE_CA_FILE", str(other_certificate))
    check = run_preflight().checks["endpoint"]
    assert check["status"] == "failed"
    assert "certificate is not trusted: self-signed" in check["what"]
    assert "PROXMOX_VE_CA_FILE" in check["remedy"]
    assert not cluster.requests


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_unverified_tls_is_a_warning(run_preflight, monkeypatch):
    """Insecure works, and is said."""
    monkeypatch.delenv("PROXMOX_VE_CA_FILE")
    monkeypatch.setenv("PROXMOX_VE_INSECURE", "true")
    result = run_preflight()
    assert result.code == 0
    assert result.checks["endpoint"]["status"] == "warning"
    assert "not verified" in result.checks["endpoint"]["what"]


def test_what_depends_on_a_failure_is_not_checked(run_preflight, monkeypatch):
    """With the API away, its checks wait; SSH does not need it and is checked."""
    _endpoint_closed(None, monkeypatch)
    checks = run_preflight("--container-template", TEMPLATE).checks
    waiting = {name: check["what"] for name, check in checks.items() if check["status"] == "not checked"}
    assert waiting["token"] == "waits for: endpoint"
    assert {"privileges", "node", "storages", "container template", "clock", "snippets over ssh"} < set(
        waiting
    )
    assert checks["ssh"]["status"] == "ok"


def test_settings_that_are_absent_are_all_named(run_preflight, monkeypatch):
    """One run names every setting that is missing, and checks nothing else."""
    monkeypatch.delenv("PROXMOX_VE_ENDPOINT")
    monkeypatch.delenv("PROXMOX_VE_API_TOKEN")
    result = run_preflight()
    assert result.code == 1
    assert (
        result.checks["settings"]["what"] == "PROXMOX_VE_ENDPOINT is not set; PROXMOX_VE_API_TOKEN is not set"
    )
    others = {check["status"] for name, check in result.checks.items() if name != "settings"}
    assert others == {"not checked"}


@pytest.mark.usefixtures("environment")
def test_the_table_has_the_checks_and_unbroken_remedies(cluster, capsys, monkeypatch):
    """On a narrow terminal the table folds; a command to copy stands on one line."""
    monkeypatch.setenv("COLUMNS", "60")
    _lacks_one_privilege(cluster, monkeypatch)
    assert preflight.main([]) == 1
    out = capsys.readouterr().out
    assert "not checked" in out
    assert '  pveum role modify PulumiDeploy -append 1 -privs "VM.Clone"\n' in out
    assert "1 would fail." in out


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "arguments", [["--image", "debian.qcow2"], ["--container-template", "debian.tar.zst"], ["--nodes", "x"]]
)
def test_wrong_usage_is_2(arguments, capsys):
    """What cannot be meant is refused before anything is asked."""
    assert preflight.main(arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    """`--help` answers without Pulumi, paramiko, requests or pydantic."""
    program = (
        "import sys; from ops.preflight import main; code = main(['--help']);"
        "heavy = {'pulumi', 'components', 'paramiko', 'requests', 'proxmoxer', 'pydantic'}"
        " & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--snippets-storage" in done.stdout


def test_checking_never_imports_pulumi():
    """The whole way, adapters included, stays without Pulumi: a timer's command never pays for it."""
    program = "import sys, ops.preflight, ops.runs.preflight; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
