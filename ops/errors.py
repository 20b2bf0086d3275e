"""What goes wrong outside the program, said so that a person can act on it."""


class LifecycleError(Exception):
    """An expected failure: what happened, where, and what to do about it.

    None of the three may hold a secret: all are printed, logged and written into reports.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        placed = f"{self.where}: {self.what}" if self.where else self.what
        return f"{placed}\n{self.remedy}" if self.remedy else placed


class UnreachableError(LifecycleError):
    """Nobody answered: the network, a node that is down, a proxy in between. The same call may work later."""


class DroppedError(UnreachableError):
    """Somebody took the connection and ended it before the login: a limit, a penalty, a host going down."""


class AuthenticationError(LifecycleError):
    """Somebody answered and refused the credentials. Never raised for a connection that failed."""


class HostKeyError(LifecycleError):
    """The SSH server has another host key than the known one, or none is known. Nothing was sent to it."""


class UnknownOutcomeError(LifecycleError):
    """A write was sent and its answer was lost: it may have been done. Look before doing it again."""
