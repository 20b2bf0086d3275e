"""Any value reaches the guest as it was given, or is refused by name: none is cut, changed or run."""

import re
import shlex
import subprocess
from base64 import b64decode
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.cloud_init import (
    Birth,
    Distribution,
    MailRelay,
    container_script,
    meta_data,
    security_files,
    user_data,
)
from components.templating import base64_text, quoted

HOSTILE = [
    *['a "quote"', "it's", "a # b", "k: v", "- x", "yes", "0644", "null", "~", " lead", "", "&<>", "\\"],
    *["${x}", "$(id)", "`id`", "%{x}", "{{ x }}", "{% if %}", "{# x #}"],
    *["é", "\u0085", "\u2028", "\U0001f600", "\ud7ff\ufffe", "\x7f"],
]
ANY_TEXT = st.sampled_from([*HOSTILE, "two\nlines", "\r", "\t", "\0"]) | st.text(max_size=40)
ONE_LINE = ANY_TEXT.filter(lambda text: not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", text))
BROKEN = ["a\nb", "a\rb", "a\0b", "a\u2028b", "\x1b[31m"]
BIRTH = Birth(
    hostname="web",
    distribution=Distribution.DEBIAN,
    environment="lab",
    user="ops",
    ssh_keys=("ssh-ed25519 AAAA ada",),
    auto_security_updates=True,
    agent_enabled=True,
    mail_to="ops@example.org",
    mail_relay=MailRelay(host="relay.example.org", sender="web@example.org", user="web"),
    time_zone="Europe/Paris",
)


@settings(deadline=None)
@given(hostname=ANY_TEXT, user=ANY_TEXT, zone=ANY_TEXT, keys=st.lists(ONE_LINE, max_size=3))
def test_cloud_init_reads_what_was_given(hostname, user, zone, keys):
    """YAML gives back each value as the very string, neither a number nor a boolean nor two lines."""
    birth = replace(BIRTH, hostname=hostname, user=user, time_zone=zone, ssh_keys=tuple(keys))
    config = yaml.safe_load(user_data(birth))
    assert (config["fqdn"], config["hostname"]) == (hostname, hostname.split(".")[0])
    assert (config["timezone"], config["users"][0]["name"]) == (zone, user)
    assert config["users"][0].get("ssh_authorized_keys", []) == keys


@settings(deadline=None)
@given(instance_id=ANY_TEXT, hostname=ANY_TEXT)
def test_the_meta_data_reads_what_was_given(instance_id, hostname):
    """The same holds for the identity."""
    assert yaml.safe_load(meta_data(instance_id, hostname)) == {
        "instance-id": instance_id,
        "local-hostname": hostname,
    }


@settings(deadline=None)
@given(text=ONE_LINE.filter(lambda text: '"' not in text))
def test_a_file_is_the_same_by_yaml_and_by_base64(text):
    """Whatever stands in a mail address, the VM's file and the container's are the same bytes."""
    birth = replace(BIRTH, mail_to=text or "-")
    wanted = {file.path: file.content for file in security_files(birth)}
    by_yaml = {entry["path"]: entry["content"] for entry in yaml.safe_load(user_data(birth))["write_files"]}
    calls = [
        shlex.split(line) for line in container_script(birth).splitlines() if line.startswith("write_file ")
    ]
    by_base64 = {call[1]: b64decode(call[4]).decode() for call in calls}
    assert by_yaml == wanted
    assert wanted.items() <= by_base64.items()


@settings(max_examples=25, deadline=None)
@given(zone=ONE_LINE, keys=st.lists(ONE_LINE, max_size=3))
def test_a_shell_takes_no_value_for_a_command(zone, keys):
    """A real shell hands over the words of the script's calls as they were given."""
    script = container_script(replace(BIRTH, time_zone=zone, ssh_keys=tuple(keys)))
    calls = [
        line.strip() for line in script.splitlines() if re.match(r" *(birth_keys|set_time_zone) [^(]", line)
    ]
    shell = 'birth_keys() { printf "%s\\0" "$@"; }; set_time_zone() { printf "%s\\0" "$@"; }\n' + "\n".join(
        calls
    )
    done = subprocess.run(["/bin/sh", "-eu"], input=shell.encode(), capture_output=True, check=True)
    user, text, seen_zone, _ = done.stdout.decode().split("\0")
    assert (user, seen_zone) == ("ops", zone)
    assert b64decode(text).decode() == "\n".join(keys) + "\n"


@settings(deadline=None)
@given(text=ANY_TEXT)
def test_base64_is_one_word_of_a_shell(text):
    """No quoting is left to get wrong."""
    assert re.fullmatch(r"[A-Za-z0-9+/=]*", base64_text(text))
    assert b64decode(base64_text(text)).decode() == text


@pytest.mark.parametrize("value", [*BROKEN, 'a "quoted" word'])
@pytest.mark.parametrize("field", ["host", "sender", "user"])
def test_what_a_mail_file_cannot_carry_is_refused(field, value):
    """Neither apt.conf nor msmtprc can write a quote in quotes or two lines in one."""
    birth = replace(BIRTH, mail_relay=replace(BIRTH.mail_relay, **{field: value}))
    with pytest.raises(ValueError, match=re.escape(repr(value))):
        security_files(birth)


@pytest.mark.parametrize("value", [*BROKEN, 'a"b'])
def test_an_address_that_breaks_apts_file_is_refused(value):
    """A line of its own in apt.conf could allow any origin."""
    with pytest.raises(ValueError, match=re.escape(repr(value))):
        user_data(replace(BIRTH, mail_to=value))


@pytest.mark.parametrize("render", [user_data, container_script])
@pytest.mark.parametrize("value", BROKEN)
def test_a_key_of_two_lines_is_refused(render, value):
    """The second line would be another key, or a command for the first."""
    with pytest.raises(ValueError, match="line break"):
        render(replace(BIRTH, ssh_keys=(value,)))


@pytest.mark.parametrize("user", ["", "Ops", "a b", "x\ny", "ops ALL", "../x", "-x", "a" * 33, "ops,root"])
def test_a_user_that_sudo_would_misread_is_refused(user):
    """The name stands in a line of sudoers and in a path."""
    with pytest.raises(ValueError, match="user name"):
        container_script(replace(BIRTH, user=user))


def test_a_quoted_value_keeps_its_comment_signs():
    """Within quotes neither apt nor msmtp sees a comment."""
    assert quoted("a # b // c; d") == '"a # b // c; d"'
