"""The small types of the configuration: each says what it takes and what to write instead."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from ops.core.keys import KEY_TYPES, KeyProblem, parse_public_key
from ops.core.tags import parse_day, problem_with_tag

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?")
_USER = re.compile(r"[a-z_][a-z0-9_\-]{0,31}")
_VOLUME = re.compile(r"[A-Za-z][A-Za-z0-9\-_.]*:vztmpl/\S+")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]+@[A-Za-z0-9.\-]+")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_NODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?")
_LONGEST_TEXT = 1000
_NO_NETWORK_ADDRESS = 31  # RFC 3021: two addresses, both of them usable
_MIDNIGHT = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})[T ]00:00:00(?:Z| \+0000 UTC)")
_HEX = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{128}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit")
    if value.isdigit():  # `pve-snapshot rollback 101` is about the number
        raise ValueError("put a letter into it; a name of digits alone would be taken for a guest's number")
    return value


def _node(value: str) -> str:
    if not _NODE.fullmatch(value):
        raise ValueError("this is not the name of a node; write it as Proxmox VE shows it, like pve1")
    return value


def _user(value: str) -> str:
    if not _USER.fullmatch(value):
        raise ValueError("use a Linux account name: a-z, 0-9, '_' and '-', at most 32, no digit first")
    return value


def _day(value: object) -> object:
    """Accept the day also without quotes: YAML's own date reaches a program as a midnight in UTC."""
    match = _MIDNIGHT.fullmatch(value) if isinstance(value, str) else None
    return match["day"] if match else value


def _real_day(value: str) -> str:
    if parse_day(value) is None:
        raise ValueError("this is no day of the calendar; write YYYY-MM-DD, like 2026-12-31")
    return value


def _address(value: str) -> str:
    if value == "dhcp":
        return value
    try:
        interface = ipaddress.IPv4Interface(value)
    except ValueError:
        interface = None
    if interface is None or interface.with_prefixlen != value:
        raise ValueError("write dhcp, or an IPv4 address with its prefix, like 192.0.2.10/24")
    if _is_the_network(interface.ip, interface.network):
        raise ValueError(
            f"{interface.ip} names the network {interface.network} itself; write the guest's own address"
        )
    return value


def _is_the_network(address: ipaddress.IPv4Address, network: ipaddress.IPv4Network) -> bool:
    ends = {network.network_address, network.broadcast_address}
    return network.prefixlen < _NO_NETWORK_ADDRESS and address in ends


def problem_with_gateway(gateway: str, address: str) -> str | None:
    """Say why a guest with this address cannot send through this gateway, or None where it can."""
    router, own = ipaddress.IPv4Address(gateway), ipaddress.IPv4Interface(address)
    if router not in own.network:
        return f"the gateway {router} is not in the network of {own}; correct one of them"
    if router == own.ip:
        return f"the gateway {router} is the guest's own address; write the router's"
    if _is_the_network(router, own.network):
        return f"the gateway {router} names the network {own.network} itself; write the router's address"
    return None


def _gateway(value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError("this is no IPv4 address; write one like 192.0.2.1") from None


def _public_key(value: str) -> str:
    try:
        key = str(parse_public_key(value))
    except KeyProblem as problem:
        raise ValueError(str(problem)) from None
    if not key.isprintable():  # a line of authorized_keys cannot carry it
        raise ValueError("it holds a sign that cannot be printed; write another comment behind the key")
    return key


def _host_key(value: str) -> str:
    # A line of ssh-keyscan, as of known_hosts, begins with the host's name.
    _, _, behind_the_name = value.strip().partition(" ")
    key = _public_key(behind_the_name if behind_the_name.startswith(tuple(KEY_TYPES)) else value)
    # The command provider asks a server for the key's own type. For RSA that is a signature with SHA-1, which
    # OpenSSH has not offered since 8.8.
    if key.startswith("ssh-rsa "):
        raise ValueError(
            "the command provider asks for an RSA key by a signature that servers refuse; "
            "give the host's other key: ssh-keyscan -t ed25519 HOST"
        )
    return key


def _tag(value: str) -> str:
    problem = problem_with_tag(value)
    if problem is not None:
        raise ValueError(problem)
    return value.lower()


def _volume(value: str) -> str:
    if not _VOLUME.fullmatch(value):
        raise ValueError("write a volume as STORAGE:vztmpl/FILE; `pveam list local` shows them")
    return value


def _mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise ValueError("this is no plain mail address; write one like root@example.org")
    return value


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("write one line of printable text")
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"this is longer than {_LONGEST_TEXT} characters; say it shorter")
    return value.strip()


def _word(value: str) -> str:
    if not _WORD.fullmatch(value):
        raise ValueError("use letters, digits and _ - . only, beginning with a letter or digit")
    return value


def _checksum(value: str) -> str:
    if not _HEX.fullmatch(value):
        raise ValueError("write 64 (sha256) or 128 (sha512) hexadecimal digits")
    return value.lower()


GuestName = Annotated[str, AfterValidator(_name)]
NodeName = Annotated[str, AfterValidator(_node)]
UserName = Annotated[str, AfterValidator(_user)]
VmId = Annotated[int, Field(ge=100, le=999_999_999)]
Day = Annotated[str, BeforeValidator(_day), AfterValidator(_real_day)]
Gateway = Annotated[str, AfterValidator(_gateway)]
Name = Annotated[str, AfterValidator(_word)]
Address = Annotated[str, AfterValidator(_address)]
PublicKeyText = Annotated[str, AfterValidator(_public_key)]
HostKeyText = Annotated[str, AfterValidator(_host_key)]
Tag = Annotated[str, AfterValidator(_tag)]
VolumeId = Annotated[str, AfterValidator(_volume)]
MailAddress = Annotated[str, AfterValidator(_mail)]
Text = Annotated[str, AfterValidator(_text)]
Checksum = Annotated[str, AfterValidator(_checksum)]
