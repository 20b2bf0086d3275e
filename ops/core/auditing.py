"""What the token for operations may do, held against the documented role: too little, and too much."""

from collections.abc import Mapping

from ops.core import privileges
from ops.core.preflight import Check, Status
from ops.core.privileges import DANGEROUS, OPERATIONS

Permissions = Mapping[str, Mapping[str, bool]]


def judge_permissions(permissions: Permissions, *, major: int, token_id: str) -> list[Check]:
    """Everything that the role names is held, and nothing beyond it.

    A privilege with which guests, disks or the rights themselves could be lost is a failure and not a
    warning: that nothing here can delete a guest is a promise, and the token is what keeps it.
    """
    return [
        _enough(permissions, major=major, token_id=token_id),
        _not_too_much(permissions, major=major, token_id=token_id),
    ]


def _enough(permissions: Permissions, *, major: int, token_id: str) -> Check:
    name = "enough"
    absent = privileges.missing(permissions, OPERATIONS, major=major, places={})
    if not absent:
        what = f"the token holds all {len(OPERATIONS.needs)} privileges of {OPERATIONS.name}"
        return Check(name=name, status=Status.OK, what=what, where=token_id)
    first = "the token has none at all" if not any(permissions.values()) else "the token lacks"
    lines = [f"{item.privilege} on {item.path}: to {item.purpose}" for item in absent]
    return Check(
        name=name,
        status=Status.FAILED,
        what="\n".join([first, *lines]),
        where=token_id,
        remedy=privileges.remedy(absent, OPERATIONS, token_id=token_id, major=major),
    )


def _not_too_much(permissions: Permissions, *, major: int, token_id: str) -> Check:
    name = "not too much"
    beyond = privileges.excess(permissions, OPERATIONS, major=major)
    if not beyond:
        what = "it holds nothing else: it cannot delete a guest"
        return Check(name=name, status=Status.OK, what=what, where=token_id)
    dangerous = [each for each in beyond if each in DANGEROUS]
    harmless = [each for each in beyond if each not in DANGEROUS]
    lines = [f"{each} on {', '.join(beyond[each])}: {DANGEROUS[each]}" for each in dangerous]
    if harmless:
        lines.append(f"not needed: {', '.join(harmless)}")
    return Check(
        name=name,
        status=Status.FAILED if dangerous else Status.WARNING,
        what="\n".join(["the token holds more than it needs", *lines]),
        where=token_id,
        remedy=_less(token_id, major=major),
    )


def _less(token_id: str, *, major: int) -> str:
    every = " ".join(OPERATIONS.privileges(major))
    return "\n".join(
        (
            f"Give the operations a token of their own, with the role {OPERATIONS.name} alone.",
            "As root on a node:",
            "  pveum acl list",
            f"shows which roles '{token_id}' and its user have, and where; each one too many goes by",
            f"  pveum acl delete PATH -token '{token_id}' -roles ROLE",
            "and the role itself is brought back to what it should be by",
            f'  pveum role modify {OPERATIONS.name} -privs "{every}"',
        )
    )
