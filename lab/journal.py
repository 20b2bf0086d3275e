"""What was asked of the lab's API: every request, readable as a list, without secrets."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

SECRETS = frozenset({"password", "cipassword", "new-password", "confirmation-password", "otp", "ticket"})
GUEST_PATH = re.compile(r"/nodes/[^/]+/(?:qemu|lxc)/(\d+)(?:/|$)")
GUEST_LIST = re.compile(r"/nodes/[^/]+/(?:qemu|lxc)$")
GUEST_ITSELF = re.compile(r"/nodes/[^/]+/(?:qemu|lxc)/\d+/?")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as the API answered it; `path` has no prefix, `status` is 0 when no answer was sent."""

    when: datetime
    method: str
    path: str
    who: str
    params: Mapping[str, object]
    status: int

    @property
    def vmid(self) -> int | None:
        """The guest that the request is about, the one that it creates included."""
        found = GUEST_PATH.search(self.path)
        if found:
            return int(found.group(1))
        given = self.params.get("vmid") if GUEST_LIST.search(self.path) else None
        return int(str(given)) if given is not None else None

    @property
    def is_write(self) -> bool:
        """Whether it asks for a change; a login is none."""
        return self.method not in {"GET", "HEAD"} and self.path != "/access/ticket"


@dataclass
class Journal:
    """The requests, oldest first. One that would delete a guest is also in `guest_deletions`, for ever."""

    requests: list[Request] = field(default_factory=list)
    guest_deletions: list[Request] = field(default_factory=list)

    def __iter__(self) -> Iterator[Request]:
        return iter(tuple(self.requests))

    def __len__(self) -> int:
        return len(self.requests)

    def add(self, request: Request) -> None:
        """Note a request that was answered."""
        self.requests.append(request)
        if request.method == "DELETE" and GUEST_ITSELF.fullmatch(request.path):
            self.guest_deletions.append(request)

    def clear(self) -> None:
        """Forget what was asked so far."""
        self.requests.clear()

    def writes(self, vmid: int | None = None) -> list[Request]:
        """What asked for a change, of one guest or of all."""
        return [request for request in self if request.is_write and vmid in {None, request.vmid}]

    def of(self, vmid: int) -> list[Request]:
        """Everything asked about one guest."""
        return [request for request in self if request.vmid == vmid]


def without_secrets(params: Mapping[str, object]) -> dict[str, object]:
    """The parameters as they may be kept and shown."""
    return {name: "***" if name in SECRETS else value for name, value in params.items()}
