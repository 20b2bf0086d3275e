"""Which updates install themselves, by the very programs that decide and install."""

import json
import re
from dataclasses import replace

import pytest

from components.cloud_init import Distribution, security_files

pytestmark = pytest.mark.system

OURS = "/etc/apt/apt.conf.d/52unattended-upgrades-local"
LITERAL = """#clear Unattended-Upgrade::Allowed-Origins;
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}-security"; };
"""
UBUNTU_STOCK = """Unattended-Upgrade::Allowed-Origins {
  "${distro_id}:${distro_codename}";
  "${distro_id}:${distro_codename}-security";
  "${distro_id}:${distro_codename}-updates";
};
"""

# origin, label, suite, codename: what the Release files of each archive say
RECORDED = {
    "jammy": {
        "security": ("Ubuntu", "Ubuntu", "jammy-security", "jammy"),
        "esm-apps": ("UbuntuESMApps", "UbuntuESMApps", "jammy-apps-security", "jammy"),
        "esm-infra": ("UbuntuESM", "UbuntuESM", "jammy-infra-security", "jammy"),
        "release": ("Ubuntu", "Ubuntu", "jammy", "jammy"),
        "updates": ("Ubuntu", "Ubuntu", "jammy-updates", "jammy"),
        "backports": ("Ubuntu", "Ubuntu", "jammy-backports", "jammy"),
    },
    "noble": {
        "security": ("Ubuntu", "Ubuntu", "noble-security", "noble"),
        "esm-apps": ("UbuntuESMApps", "UbuntuESMApps", "noble-apps-security", "noble"),
        "esm-infra": ("UbuntuESM", "UbuntuESM", "noble-infra-security", "noble"),
        "release": ("Ubuntu", "Ubuntu", "noble", "noble"),
        "updates": ("Ubuntu", "Ubuntu", "noble-updates", "noble"),
        "backports": ("Ubuntu", "Ubuntu", "noble-backports", "noble"),
    },
    "bookworm": {
        "security": ("Debian", "Debian-Security", "oldstable-security", "bookworm-security"),
        "release": ("Debian", "Debian", "oldstable", "bookworm"),
        "updates": ("Debian", "Debian", "oldstable-updates", "bookworm-updates"),
        "backports": ("Debian Backports", "Debian Backports", "oldstable-backports", "bookworm-backports"),
    },
    "trixie": {
        "security": ("Debian", "Debian-Security", "stable-security", "trixie-security"),
        "release": ("Debian", "Debian", "stable", "trixie"),
        "updates": ("Debian", "Debian", "stable-updates", "trixie-updates"),
        "backports": ("Debian Backports", "Debian Backports", "stable-backports", "trixie-backports"),
    },
    "buster": {  # the layout before bullseye: the codename of the security archive is the release's own
        "security": ("Debian", "Debian-Security", "oldoldoldstable", "buster"),
        "release": ("Debian", "Debian", "oldoldoldstable", "buster"),
    },
}
ALLOWED = {"security", "esm-apps", "esm-infra"}

JUDGE = """
import importlib.machinery, importlib.util, json, sys, types
import apt_pkg
loader = importlib.machinery.SourceFileLoader("uu", "/usr/bin/unattended-upgrade")
uu = importlib.util.module_from_spec(importlib.util.spec_from_loader("uu", loader))
loader.exec_module(uu)
case = json.load(sys.stdin)
apt_pkg.init_config()
for text in case["configuration"]:
    open("/probe/apt.conf", "w").write(text)
    apt_pkg.read_config_file(apt_pkg.config, "/probe/apt.conf")
uu.get_distro_id, uu.get_distro_codename = lambda: case["id"], lambda: case["codename"]
allowed = uu.get_allowed_origins()
def matches(release):
    names = dict(zip(("origin", "label", "archive", "codename"), release))
    origin = types.SimpleNamespace(component="main", site="", **names)
    return any(uu.match_whitelist_string(pattern, origin) for pattern in allowed)
print(json.dumps([name for name, release in case["archives"].items() if matches(release)]))
"""


def judged(guest, codename, *configuration):
    """The archives of a release that unattended-upgrades' own function lets in."""
    archives = RECORDED[codename]
    distribution = archives["release"][0]
    case = {"configuration": configuration, "id": distribution, "codename": codename, "archives": archives}
    guest.write("/probe/judge.py", JUDGE)
    return set(json.loads(guest.run("python3", "/probe/judge.py", stdin=json.dumps(case)).splitlines()[-1]))


def rendered(birth, codename):
    """Our file for that release."""
    distribution = Distribution(RECORDED[codename]["release"][0].lower())
    files = security_files(replace(birth, distribution=distribution))
    return next(file.content for file in files if file.path == OURS)


def dump(guest, key):
    """What apt takes for true below a key, as pairs of name and value."""
    lines = guest.run("apt-config", "dump", key).splitlines()
    return [re.fullmatch(r'(\S+) "(.*)";', line).groups() for line in lines]


@pytest.mark.parametrize("codename", RECORDED)
def test_the_security_archives_match_and_no_other(container, birth, codename):
    """By the real matching function, on top of the lists that the distribution ships."""
    assert judged(container, codename, UBUNTU_STOCK, rendered(birth, codename)) == ALLOWED & set(
        RECORDED[codename]
    )


@pytest.mark.parametrize(
    ("codename", "expected"), [("noble", {"security"}), ("bookworm", set()), ("trixie", set())]
)
def test_the_plans_literal_pattern_matches_nothing_on_debian(container, codename, expected):
    """Why each distribution has its own: this runs, exits 0, and never installs anything there."""
    assert judged(container, codename, LITERAL) == expected


def test_the_stock_lists_are_wider(container):
    """Why they are cleared: without that, each point release would install itself."""
    stock = container.read("/etc/apt/apt.conf.d/50unattended-upgrades")
    assert judged(container, "bookworm", LITERAL, stock) == {"security", "release"}
    assert judged(container, "noble", LITERAL, UBUNTU_STOCK) == {"security", "release", "updates"}


def test_a_dry_run_allows_exactly_the_security_archive(container):
    """In a real Debian, with its real mirrors; the same run with the literal pattern allows none."""
    assert labels_marked(container.run("unattended-upgrade", "--dry-run", "--debug")) == {"Debian"}
    ours = container.read(OURS)
    container.write(OURS, LITERAL)
    try:
        output = container.run("unattended-upgrade", "--dry-run", "--debug")
    finally:
        container.write(OURS, ours)
    assert labels_marked(output) == {"Debian", "Debian-Security"}


def labels_marked(output):
    """The labels of the archives that a run says it may not take from, having looked at both."""
    assert "Allowed origins are: " in output
    return set(re.findall(r"Marking not allowed <.*?,l=([\w-]+)", output))


def test_apt_itself_reads_what_was_meant(container):
    """The stock lists are gone, nothing reboots, mail is for errors only, the jobs act at each run."""
    settings = dump(container, "Unattended-Upgrade")
    lists = [value for name, value in settings if name.endswith("::") and "Origin" in name]
    assert lists == [
        "origin=Debian,codename=${distro_codename}-security,label=Debian-Security",
        "origin=Debian,codename=${distro_codename},label=Debian-Security",
    ]
    scalars = dict(settings)
    assert scalars["Unattended-Upgrade::Automatic-Reboot"] == "false"
    assert scalars["Unattended-Upgrade::Automatic-Reboot-WithUsers"] == "false"
    assert scalars["Unattended-Upgrade::InstallOnShutdown"] == "false"
    assert scalars["Unattended-Upgrade::Mail"] == "ops@example.org"
    assert scalars["Unattended-Upgrade::MailReport"] == "only-on-error"
    periodic = dict(dump(container, "APT::Periodic"))
    assert periodic["APT::Periodic::Update-Package-Lists"] == "always"
    assert periodic["APT::Periodic::Unattended-Upgrade"] == "always"
    assert periodic["APT::Periodic::Enable"] == "1"


@pytest.mark.parametrize(
    "address", ["a#b@x", "a//b@x", "a/*b@x", "${x}@x", "a;b@x", "{a}@x", "é@x", "a'b@x", "a\\b@x"]
)
def test_apt_reads_an_odd_address_as_it_was_given(guest, birth, address):
    """No comment, no end of line, no variable within the quotes."""
    for file in security_files(replace(birth, mail_to=address)):
        guest.write(file.path, file.content)
    seen = guest.run("apt-config", "dump", "--format", "%v%n", "Unattended-Upgrade::Mail")
    assert seen == f"{address}\n"
