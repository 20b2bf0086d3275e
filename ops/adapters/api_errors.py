"""What an API call's failure means, in words that a person can act on, with PVE's own words kept."""

import re
from urllib.parse import urlsplit

import requests
from proxmoxer.core import ResourceException

from ops.errors import AuthenticationError, LifecycleError, UnknownOutcomeError, UnreachableError

CONNECT_TIMEOUT = 10.0  # seconds
ANSWER_TIMEOUT = 30.0  # seconds; proxmoxer's 5 s cut off calls that a busy node had accepted

HTTPS_PORT = 443
GATEWAY = frozenset({502, 503, 504})
NODE_UNREACHABLE = 595  # pveproxy could not connect to the node that it forwards to
PROXY_FAILED = frozenset({596, 597, 598, 599})  # it could, and lost the connection on the way
TRANSIENT = GATEWAY | PROXY_FAILED | {500, NODE_UNREACHABLE}
NEVER_ARRIVED = frozenset({503, NODE_UNREACHABLE})

PERMISSION = re.compile(r"Permission check failed \((?P<path>/[^,]*), (?P<privileges>[^)]+)\)")


def not_proxmox(endpoint: str) -> LifecycleError:
    """Somebody answered, and not with PVE's JSON."""
    return LifecycleError(
        "something answers here that is not the Proxmox VE API",
        where=endpoint,
        remedy="Check PROXMOX_VE_ENDPOINT: host and port of pveproxy (normally 8006), no portal before it.",
    )


def not_understood(endpoint: str, path: str) -> LifecycleError:
    """PVE's JSON, and not the shape that its schema promises."""
    return LifecycleError(
        "gave an answer that is not Proxmox VE's",
        where=f"{endpoint} GET /{path}",
        remedy="Is it Proxmox VE 8 or later, and no other product?",
    )


def outcome_unknown(endpoint: str, method: str, path: str, reason: str) -> UnknownOutcomeError:
    """A write whose answer was lost."""
    return UnknownOutcomeError(
        f"was sent and its answer was lost ({reason}): it may have been accepted, and is not sent again",
        where=f"{endpoint} {method} /{path}",
        remedy="Look at the guest and at the node's task list before you repeat it.",
    )


def unreachable(endpoint: str, error: requests.RequestException) -> UnreachableError:
    """No connection, no trust in it, or it broke."""
    if isinstance(error, requests.exceptions.SSLError):
        return UnreachableError(
            f"the server's TLS certificate is not trusted: {reason(error)}",
            where=endpoint,
            remedy="Name the CA in PROXMOX_VE_CA_FILE (on a node: /etc/pve/pve-root-ca.pem), and in the "
            "endpoint the host name that the certificate holds.",
        )
    port = urlsplit(endpoint).port
    hint = "" if port != HTTPS_PORT else " Proxmox listens on 8006 unless a proxy stands before it."
    remedy = f"Check the address, the port and the network.{hint}"
    return UnreachableError(reason(error), where=endpoint, remedy=remedy)


def refused(
    error: ResourceException, *, endpoint: str, token_id: str, method: str, path: str
) -> LifecycleError:
    """An HTTP status of 400 and above."""
    where = f"{endpoint} {method} /{path}"
    words = str(error.content or error.status_message).strip()
    status: int = error.status_code
    if status == requests.codes.unauthorized:
        return AuthenticationError(
            f"Proxmox refused the token {token_id}: {words}",
            where=endpoint,
            remedy="Wrong, deleted or expired: see `pveum user token list USER` on a node. "
            "Make a new one with `pveum user token add` and set PROXMOX_VE_API_TOKEN.",
        )
    if status == requests.codes.forbidden:
        return _forbidden(words, where, token_id)
    if status == NODE_UNREACHABLE:
        return UnreachableError(
            f"the node cannot be reached by the one that answers: {words}",
            where=where,
            remedy="Is it switched on and in the cluster's network? See `pvecm status`.",
        )
    if status in GATEWAY | PROXY_FAILED:
        return UnreachableError(f"{status} {words}", where=where, remedy="The same call may work later.")
    fields = error.errors if isinstance(error.errors, dict) else {}
    if isinstance(fields.get("errors"), bytes):  # proxmoxer's "that was no JSON"
        return not_proxmox(endpoint)
    detail = "; ".join(f"{name}: {text}" for name, text in fields.items())
    return LifecycleError(f"{status} {words}{f' ({detail})' if detail else ''}", where=where)


def before_sending(error: requests.RequestException) -> bool:
    """Whether the connection was never made, so that nothing can have been accepted."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return True
    cause = error.args[0] if error.args else None
    return type(getattr(cause, "reason", None)).__name__ in {"NewConnectionError", "NameResolutionError"}


def reason(error: requests.RequestException) -> str:
    """Which kind of network failure it was: the library's text names objects and addresses in memory."""
    cause = error.args[0] if error.args else error
    inner = str(getattr(cause, "reason", cause))
    if "certificate verify failed: " in inner:
        return inner.partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
    for sign, words in (
        ("Failed to resolve", "the host name cannot be resolved"),
        ("Connection refused", "the connection was refused: nothing listens there"),
        ("No route to host", "there is no route to the host"),
        ("Network is unreachable", "the network is unreachable"),
    ):
        if sign in inner:
            return words
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT:.0f} s"
    if isinstance(error, requests.Timeout):
        return f"no answer within {ANSWER_TIMEOUT:.0f} s"
    return "the connection broke before the answer was there"


def _forbidden(words: str, where: str, token_id: str) -> LifecycleError:
    found = PERMISSION.search(words)
    if found is None:
        return LifecycleError(f"Proxmox forbids it: {words}", where=where)
    path, privileges = found["path"], found["privileges"]
    if "modifying tag" in privileges:  # pve-guest-common, GuestHelpers.pm: assert_tag_permissions
        return LifecycleError(
            f"a tag that Proxmox VE keeps for administrators: {words}",
            where=where,
            remedy="See Datacenter, Options, User Tag Access and Registered Tags: the tags of the lifecycle "
            "must be free there. A token that may write every tag could change the cluster, too.",
        )
    return LifecycleError(
        f"the token {token_id} lacks {privileges} on {path} ({words})",
        where=where,
        remedy=f"Give it a role with {privileges}: pveum acl modify {path} -token '{token_id}' -role ROLE\n"
        "(with privilege separation a token needs this beside its user)",
    )
