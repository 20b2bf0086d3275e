"""Real runs of unattended-upgrades, on archives of our own: what it installs and when it writes."""

import pytest

pytestmark = pytest.mark.system

# archive FOLDER LABEL CODENAME; package FOLDER NAME VERSION EXIT-STATUS-OF-ITS-POSTINST
TOOLS = r"""
set -eu
package() {
  rm -rf /build; mkdir -p /build/DEBIAN "$1"
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: probe\n' \
    "$2" "$3" >/build/DEBIAN/control
  printf '#!/bin/sh\nexit %s\n' "$4" >/build/DEBIAN/postinst; chmod 755 /build/DEBIAN/postinst
  dpkg-deb --build /build "$1/$2_$3.deb" >/dev/null
}
archive() {
  cd "$1"
  for deb in *.deb; do
    dpkg-deb --field "$deb"
    printf 'Filename: ./%s\nSize: %s\n' "$deb" "$(stat -c %s "$deb")"
    printf 'SHA256: %s\n\n' "$(sha256sum <"$deb" | cut -c1-64)"
  done >Packages
  printf 'Origin: Debian\nLabel: %s\nSuite: made-up\nCodename: %s\nSHA256:\n %s %s Packages\n' \
    "$2" "$3" "$(sha256sum <Packages | cut -c1-64)" "$(stat -c %s Packages)" >Release
  echo "deb [trusted=yes] file:$1 ./" >"/etc/apt/sources.list.d/$(basename "$1").list"
}
. /etc/os-release
"""
FIRST = """
cp -a /var/lib/apt/lists /etc/apt/sources.list /saved
: >/etc/apt/sources.list
for name in fixed other; do package /tmp/old $name 1 0; dpkg --install /tmp/old/${name}_1.deb; done
package /srv/security fixed 2 0; archive /srv/security Debian-Security $VERSION_CODENAME-security
package /srv/main other 2 0; archive /srv/main Debian $VERSION_CODENAME
apt-get -q update
"""
BROKEN = """
package /srv/security fixed 3 1; archive /srv/security Debian-Security $VERSION_CODENAME-security
apt-get -q update
"""
LAST = """
set -eu
dpkg --purge --force-all fixed other
rm -r /etc/apt/sources.list.d/* /var/lib/apt/lists /srv/*
mv /saved/lists /var/lib/apt/lists; mv /saved/sources.list /etc/apt/sources.list; rmdir /saved
"""


@pytest.fixture(scope="module")
def updated(container):
    """A provisioned container for which a security fix and an ordinary update have come out."""
    container.run("mkdir", "/saved")
    container.run("sh", stdin=TOOLS + FIRST)
    yield container
    container.run("sh", stdin=LAST)


def versions(guest):
    """The installed versions of the two probes."""
    return guest.run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "fixed", "other").splitlines()


def test_the_fix_is_installed_the_other_update_is_not_and_nobody_is_written_to(updated, relay):
    """The whole road: our settings, apt's daily job, unattended-upgrades, dpkg."""
    relay.mails.clear()
    updated.run("/usr/lib/apt/apt.systemd.daily", "install")
    assert versions(updated) == ["fixed 2", "other 1"]
    assert relay.mails == []


def test_a_fix_that_fails_is_one_mail_through_the_relay(updated, relay):
    """Msmtp brings it to the relay, from the sender that was configured to the address that was."""
    relay.mails.clear()
    updated.run("sh", stdin=TOOLS + BROKEN)
    updated.run("/usr/lib/apt/apt.systemd.daily", "install")
    assert len(relay.mails) == 1
    headers = relay.mails[0].partition("\r\n\r\n")[0]
    assert "To: ops@example.org" in headers
    assert "From: web@example.org" in headers
    assert "fixed" in relay.mails[0]
