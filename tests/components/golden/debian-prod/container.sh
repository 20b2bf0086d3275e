#!/bin/sh
set -eu
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
changes=0

say() { printf '%s\n' "$*"; }
changed() { changes=$((changes + 1)); say "changed: $*"; }
systemd_runs() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }

# wait_until SECONDS COMMAND...
wait_until() {
  end=$(($(date +%s) + $1)); shift
  until "$@"; do
    [ "$(date +%s)" -lt "$end" ] || return 1
    sleep 2
  done
}

has_route() {
  awk '$2 == "00000000" && $8 == "00000000" { found = 1 } END { exit !found }' /proc/net/route 2>/dev/null ||
    grep -Eq '^0{32} 00 .* (eth|en|veth|net)' /proc/net/ipv6_route 2>/dev/null
}

# before anything else: with the origins of the other one no security update would ever match, and nothing would fail
right_distribution() {
  id=$(. /etc/os-release && printf %s "$ID")
  case $id in
    debian | ubuntu)
      [ "$id" = debian ] || {
        say "this container holds $id, and the stack says debian: correct its distribution" >&2
        return 1
      } ;;
  esac
}

wait_for_boot() {
  if systemd_runs; then
    timeout 120 systemctl is-system-running --wait >/dev/null 2>&1 || say "note: not every unit is up; going on"
  fi
}

# first boot runs apt too: its lock is waited for
apt() { apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@"; }

install_packages() {
  missing=
  for package in openssh-server tzdata sudo unattended-upgrades needrestart prometheus-node-exporter prometheus-node-exporter-collectors msmtp-mta bsd-mailx ca-certificates ; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || :)" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  wait_until 120 has_route || { say "no default route after 120 seconds: is the container's network up?"; return 1; }
  # the route may be there before the name server is, and the lock of the lists knows no time-out
  wait_until 300 apt update -o APT::Update::Error-Mode=any
  # shellcheck disable=SC2086 # a list of words
  apt install --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold $missing
  changed "packages:$missing"
}

# write_file PATH MODE OWNER BASE64: touches nothing where the file is the same already
write_file() {
  if [ -f "$1" ] && [ "$(stat -c '0%a %U:%G' "$1")" = "$2 $3" ] && printf %s "$4" | base64 -d | cmp -s - "$1"; then
    return 0
  fi
  mkdir -p "$(dirname "$1")"
  new=$(mktemp "$(dirname "$1")/.lifecycle.XXXXXX")
  printf %s "$4" | base64 -d >"$new"
  chown "$3" "$new"
  chmod "$2" "$new"
  mv -f "$new" "$1"
  changed "$1"
}

# birth_keys USER BASE64: only where there is no file yet, for keys are rotated later and old ones must not come back
birth_keys() {
  id "$1" >/dev/null 2>&1 || { useradd --create-home --shell /bin/bash "$1"; changed "user $1"; }
  id -nG "$1" | grep -qw sudo || { usermod -aG sudo "$1"; changed "user $1 in group sudo"; }
  home=$(getent passwd "$1" | cut -d: -f6)
  [ ! -e "$home/.ssh/authorized_keys" ] || return 0
  install -d -m 0700 -o "$1" -g "$1" "$home/.ssh"
  new=$(mktemp "$home/.ssh/.lifecycle.XXXXXX")
  printf %s "$2" | base64 -d >"$new"
  chown "$1:$1" "$new"
  chmod 0600 "$new"
  mv "$new" "$home/.ssh/authorized_keys"
  changed "$home/.ssh/authorized_keys"
}

# the files come first: what a package starts finds its settings
guest_files() {
write_file /etc/apt/apt.conf.d/21auto-upgrades-local 0644 root:root Ly8gV3JpdHRlbiBvbmNlLCB3aGVuIHRoaXMgbWFjaGluZSB3YXMgbWFkZS4gQ2hhbmdlIGl0IGhlcmUgYXMgeW91IGxpa2UuCkFQVDo6UGVyaW9kaWM6OkVuYWJsZSAiMSI7CkFQVDo6UGVyaW9kaWM6OlVwZGF0ZS1QYWNrYWdlLUxpc3RzICJhbHdheXMiOwpBUFQ6OlBlcmlvZGljOjpVbmF0dGVuZGVkLVVwZ3JhZGUgImFsd2F5cyI7CkFQVDo6VXBkYXRlOjpQb3N0LUludm9rZS1TdWNjZXNzIHsKICAiY2QgL3Zhci9saWIvcHJvbWV0aGV1cy9ub2RlLWV4cG9ydGVyIDI+L2Rldi9udWxsICYmIGRhdGUgKydsaWZlY3ljbGVfYXB0X2xpc3RzX2ZldGNoZWRfdGltZXN0YW1wX3NlY29uZHMgJXMnID5saWZlY3ljbGUtYXB0Lm5ldyAmJiBjaG1vZCAwNjQ0IGxpZmVjeWNsZS1hcHQubmV3ICYmIG12IC1mIGxpZmVjeWNsZS1hcHQubmV3IGxpZmVjeWNsZS1hcHQucHJvbSB8fCB0cnVlIjsKfTsK
write_file /etc/apt/apt.conf.d/52unattended-upgrades-local 0644 root:root Ly8gV3JpdHRlbiBvbmNlLCB3aGVuIHRoaXMgbWFjaGluZSB3YXMgbWFkZS4gQ2hhbmdlIGl0IGhlcmUgYXMgeW91IGxpa2UuCiNjbGVhciBVbmF0dGVuZGVkLVVwZ3JhZGU6OkFsbG93ZWQtT3JpZ2luczsKI2NsZWFyIFVuYXR0ZW5kZWQtVXBncmFkZTo6T3JpZ2lucy1QYXR0ZXJuOwpVbmF0dGVuZGVkLVVwZ3JhZGU6Ok9yaWdpbnMtUGF0dGVybiB7CiAgIm9yaWdpbj1EZWJpYW4sY29kZW5hbWU9JHtkaXN0cm9fY29kZW5hbWV9LXNlY3VyaXR5LGxhYmVsPURlYmlhbi1TZWN1cml0eSI7CiAgIm9yaWdpbj1EZWJpYW4sY29kZW5hbWU9JHtkaXN0cm9fY29kZW5hbWV9LGxhYmVsPURlYmlhbi1TZWN1cml0eSI7Cn07CgpVbmF0dGVuZGVkLVVwZ3JhZGU6OkF1dG9tYXRpYy1SZWJvb3QgImZhbHNlIjsKVW5hdHRlbmRlZC1VcGdyYWRlOjpBdXRvbWF0aWMtUmVib290LVdpdGhVc2VycyAiZmFsc2UiOwpVbmF0dGVuZGVkLVVwZ3JhZGU6Okluc3RhbGxPblNodXRkb3duICJmYWxzZSI7CgpVbmF0dGVuZGVkLVVwZ3JhZGU6Ok1haWwgIm9wc0BleGFtcGxlLm9yZyI7ClVuYXR0ZW5kZWQtVXBncmFkZTo6TWFpbFJlcG9ydCAib25seS1vbi1lcnJvciI7ClVuYXR0ZW5kZWQtVXBncmFkZTo6U2VuZGVyICJwcm9kLXdlYkBleGFtcGxlLm9yZyI7Cg==
write_file /etc/systemd/system/apt-daily.timer.d/lifecycle.conf 0644 root:root IyBXcml0dGVuIG9uY2UsIHdoZW4gdGhpcyBtYWNoaW5lIHdhcyBtYWRlLiBDaGFuZ2UgaXQgaGVyZSBhcyB5b3UgbGlrZS4KW1RpbWVyXQpPbkNhbGVuZGFyPQpPbkNhbGVuZGFyPSotKi0qIDA1LDEzLDIxOjAwClJhbmRvbWl6ZWREZWxheVNlYz0zMG0KUGVyc2lzdGVudD10cnVlCg==
write_file /etc/systemd/system/apt-daily-upgrade.timer.d/lifecycle.conf 0644 root:root IyBXcml0dGVuIG9uY2UsIHdoZW4gdGhpcyBtYWNoaW5lIHdhcyBtYWRlLiBDaGFuZ2UgaXQgaGVyZSBhcyB5b3UgbGlrZS4KW1RpbWVyXQpPbkNhbGVuZGFyPQpPbkNhbGVuZGFyPSotKi0qIDA2LDE0LDIyOjAwClJhbmRvbWl6ZWREZWxheVNlYz0zMG0KUGVyc2lzdGVudD10cnVlCg==
write_file /etc/needrestart/conf.d/90-lifecycle.conf 0644 root:root IyBXcml0dGVuIG9uY2UsIHdoZW4gdGhpcyBtYWNoaW5lIHdhcyBtYWRlLiBDaGFuZ2UgaXQgaGVyZSBhcyB5b3UgbGlrZS4KJG5yY29uZntyZXN0YXJ0fSA9ICdsJzsKJG5yY29uZntrZXJuZWxoaW50c30gPSAwOwo=
write_file /etc/msmtprc 0644 root:root IyBXcml0dGVuIG9uY2UsIHdoZW4gdGhpcyBtYWNoaW5lIHdhcyBtYWRlLiBDaGFuZ2UgaXQgaGVyZSBhcyB5b3UgbGlrZS4KZGVmYXVsdHMKc3lzbG9nIG9uCnRscyBvbgp0bHNfc3RhcnR0bHMgb24KdGxzX3RydXN0X2ZpbGUgL2V0Yy9zc2wvY2VydHMvY2EtY2VydGlmaWNhdGVzLmNydAoKYWNjb3VudCByZWxheQpob3N0ICJyZWxheS5leGFtcGxlLm9yZyIKcG9ydCA1ODcKZnJvbSAicHJvZC13ZWJAZXhhbXBsZS5vcmciCmF1dGggb2ZmCgphY2NvdW50IGRlZmF1bHQgOiByZWxheQo=
write_file /etc/sudoers.d/90-lifecycle 0440 root:root b3BzIEFMTD0oQUxMKSBOT1BBU1NXRDpBTEwK
}

guest_user() {
birth_keys ops c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUEgYWRhQGV4YW1wbGUub3JnCg==
}

set_time_zone() {
  zone=/usr/share/zoneinfo/$1
  [ -e "$zone" ] || { say "note: no time zone $1 here"; return 0; }
  [ "$(readlink -f /etc/localtime)" != "$(readlink -f "$zone")" ] || return 0
  ln -sf "$zone" /etc/localtime
  printf '%s\n' "$1" >/etc/timezone
  changed "time zone $1"
}

start_timers() {
  systemd_runs || { say "note: systemd does not run here; timers are left to the next boot"; return 0; }
  systemctl enable --now apt-daily.timer apt-daily-upgrade.timer
  # systemd itself knows whether its timers are older than the files, also after a run that was killed
  if systemctl show -p NeedDaemonReload apt-daily.timer apt-daily-upgrade.timer | grep -q yes; then
    systemctl daemon-reload
    systemctl restart apt-daily.timer apt-daily-upgrade.timer
    changed "timers"
  fi
  systemctl enable --now prometheus-node-exporter-apt.timer
}

main() {
  right_distribution
  wait_for_boot
  guest_files
  install_packages
  guest_user
  set_time_zone Europe/Paris
  start_timers
  say "done: $changes changed"
}

main </dev/null
