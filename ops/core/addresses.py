"""Where a guest is reached: what its configuration says first, then what the guest itself tells."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

NETWORK = re.compile(r"(?:ipconfig|net)\d+")
LOOPBACK = "127.0.0."  # a guest's own; the other loopback addresses may lead to a guest of the lab


def configured(config: Mapping[str, Any]) -> list[str]:
    """The static addresses of a VM's `ipconfigN` or a container's `netN`, without their prefixes."""
    found = []
    for name in sorted(key for key in config if NETWORK.fullmatch(key)):
        parts = dict(part.partition("=")[::2] for part in str(config[name]).split(","))
        found += [parts[key].partition("/")[0] for key in ("ip", "ip6") if key in parts]
    return usable(found)


def reported_by_agent(answer: Any) -> list[str]:
    """The addresses in the guest agent's `network-get-interfaces`."""
    interfaces = answer.get("result") if isinstance(answer, Mapping) else answer
    return usable(
        str(address.get("ip-address", ""))
        for interface in interfaces or ()
        for address in interface.get("ip-addresses") or ()
    )


def reported_by_container(answer: Any) -> list[str]:
    """The addresses in a container's `interfaces`."""
    return usable(
        str(interface[key]).partition("/")[0]
        for interface in answer or ()
        for key in ("inet", "inet6")
        if interface.get(key)
    )


def usable(texts: Iterable[str]) -> list[str]:
    """Those that lead to a guest from elsewhere, IPv4 first."""
    found = []
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:  # dhcp, auto, manual
            continue
        if not (address.is_link_local or text.startswith(LOOPBACK) or text == "::1"):
            found.append(address)
    return [str(address) for address in sorted(found, key=lambda each: each.version)]
