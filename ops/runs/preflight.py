"""The preflight's way to what it judges: settings, API, SSH. What depends on a failure is not checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from ops.adapters import connection, ssh
from ops.adapters.api import Api
from ops.adapters.node_access import node_access
from ops.adapters.provider_trust import provider_trusts
from ops.adapters.proxmox import Proxmox
from ops.core import preflight as rules
from ops.core.preflight import Check, Status, Wanted
from ops.errors import AuthenticationError, LifecycleError


def inspect(wanted: Wanted, *, connection_file: Path | None, environment: Mapping[str, str]) -> list[Check]:
    """Check everything that the stack needs, in an order in which a failure explains what follows it."""
    with ExitStack() as stack:
        inspection = Inspection(wanted, stack)
        inspection.settings(connection_file, environment)
        inspection.api(environment)
        inspection.what_is_there()
        inspection.ssh(environment)
    return inspection.checks


class Inspection:
    """One run: the checks so far, and what they found for the later ones."""

    settled: connection.Connection
    proxmox: Proxmox
    session: ssh.Session

    def __init__(self, wanted: Wanted, stack: ExitStack) -> None:
        self.wanted = wanted
        self.checks: list[Check] = []
        self._stack = stack
        self._passed: set[str] = set()
        self._version = ""

    def settings(self, connection_file: Path | None, environment: Mapping[str, str]) -> None:
        """Read and judge the connection settings."""

        def judge() -> Iterator[Check]:
            self.settled = connection.load(connection_file, environment)
            self.proxmox = Proxmox(self._stack.enter_context(closing(Api(self.settled))))
            where = self.settled.endpoint
            yield Check(name="settings", status=Status.OK, what=f"token {self.settled.token_id}", where=where)

        self._step("settings", (), judge)

    def api(self, environment: Mapping[str, str]) -> None:
        """Reach the API, and learn what the token may do there."""
        self._step("endpoint", ["settings"], self._endpoint)
        self._step("provider's TLS", ["endpoint"], lambda: self._provider(environment))
        self._step("token", ["endpoint"], self._token)
        self._step("version", ["token"], self._judged_version)
        self._step("privileges", ["version"], self._privileges)

    def what_is_there(self) -> None:
        """Node, storages and what lies on them."""
        wanted, node = self.wanted, self.wanted.node
        self._step("node", ["token"], lambda: [rules.judge_node(self.proxmox.nodes(), node)])
        self._step("storages", ["node"], lambda: rules.judge_storages(self.proxmox.storages(node), wanted))
        if wanted.container_template:
            self._step("container template", ["node", _storage(wanted.container_template)], self._template)
        else:
            self._skip("container template", "no --container-template was given")
        if wanted.image:
            self._step("image", ["node"], self._image)
        else:
            self._skip(
                "image", "no --image was given" if wanted.from_image else "--image none: no VM from an image"
            )
        self._step("clock", ["node"], self._clock)

    def ssh(self, environment: Mapping[str, str]) -> None:
        """Log in to the node as the provider does, and see whether it could write a snippet there."""
        # A node that the API knows to be absent or down needs no second complaint;
        # an API that is down says nothing of it.
        judged = any(check.name == "node" and check.status is Status.FAILED for check in self.checks)
        needs = ["settings", "node"] if judged else ["settings"]
        self._step("ssh", needs, lambda: self._ssh(environment))
        self._step("snippets over ssh", ["ssh", f"storage {self.wanted.snippets_storage}"], self._snippets)

    def _step(self, name: str, needs: Sequence[str], judge: Callable[[], Iterable[Check]]) -> None:
        blocked = next((need for need in needs if need not in self._passed), None)
        if blocked:
            self._skip(name, f"waits for: {blocked}")
            return
        try:
            found = list(judge())
        except LifecycleError as error:
            found = [_failed(name, error)]
        self.checks += found
        self._passed |= {check.name for check in found if check.status in {Status.OK, Status.WARNING}}

    def _skip(self, name: str, why: str) -> None:
        self.checks.append(Check(name=name, status=Status.NOT_CHECKED, what=why))

    def _judged_version(self) -> list[Check]:
        where, from_image = self.settled.endpoint, self.wanted.from_image
        return [rules.judge_version(self._version, where=where, from_image=from_image)]

    def _endpoint(self) -> Iterator[Check]:
        where = self.settled.endpoint
        with suppress(AuthenticationError):  # then somebody is there; the token is the next check
            self._version = self.proxmox.version()
        if self.settled.insecure:
            yield Check(
                name="endpoint",
                status=Status.WARNING,
                what="reached; its TLS certificate is not verified: anybody in between can read the token",
                where=where,
                remedy="Unset PROXMOX_VE_INSECURE and name the CA in PROXMOX_VE_CA_FILE.",
            )
        else:
            yield Check(
                name="endpoint", status=Status.OK, what="reached, TLS certificate verified", where=where
            )

    def _provider(self, environment: Mapping[str, str]) -> Iterator[Check]:
        settled = self.settled
        trusted = settled.insecure or provider_trusts(settled.endpoint, environment)
        yield rules.judge_trust(trusted=trusted, where=settled.endpoint, ca_file=str(settled.ca_file or ""))

    def _token(self) -> Iterator[Check]:
        self._version = self._version or self.proxmox.version()
        yield Check(name="token", status=Status.OK, what="accepted", where=self.settled.token_id)

    def _privileges(self) -> Iterator[Check]:
        yield rules.judge_privileges(
            self.proxmox.permissions(),
            self.wanted,
            major=rules.major_of(self._version),
            token_id=self.settled.token_id,
        )

    def _template(self) -> Iterator[Check]:
        volume, node = self.wanted.container_template or "", self.wanted.node
        volumes = self.proxmox.volumes(node, rules.storage_of(volume), "vztmpl")
        yield rules.judge_template(volumes, volume, node=node)

    def _image(self) -> Iterator[Check]:
        url = self.wanted.image or ""
        try:
            size = self.proxmox.image_size(self.wanted.node, url)
        except AuthenticationError:
            raise
        except LifecycleError as error:
            raise LifecycleError(
                f"the node cannot fetch {url}: {error.what}",
                where=self.wanted.node,
                remedy=error.remedy
                or "Check the address, and the node's DNS, proxy and way to the internet.",
            ) from None
        what = f"the node reaches {url}" + (f" ({size / 2**20:.0f} MiB)" if size else "")
        yield Check(name="image", status=Status.OK, what=what, where=self.wanted.node)

    def _clock(self) -> Iterator[Check]:
        there = self.proxmox.clock(self.wanted.node)
        yield rules.judge_clock(there, datetime.now(UTC), node=self.wanted.node)

    def _ssh(self, environment: Mapping[str, str]) -> Iterator[Check]:
        if not environment.get("HOME"):
            raise LifecycleError(
                "HOME is not set, and the provider needs it for known_hosts",
                where="environment",
                remedy="Set HOME (in a systemd unit: Environment=HOME=/root).",
            )
        known_hosts = Path(environment["HOME"]) / ".ssh" / "known_hosts"
        target, key = node_access(self.settled.ssh, self.wanted.node, known_hosts=known_hosts)
        self.session = self._stack.enter_context(ssh.connect(target, key))
        yield Check(name="ssh", status=Status.OK, what="host key verified, logged in", where=str(target))

    def _snippets(self) -> Iterator[Check]:
        storage, target = self.wanted.snippets_storage, self.session.target
        path = self.proxmox.storage_path(storage)
        if path is None:
            raise LifecycleError(
                f"the storage {storage} has no directory, so no snippet can be written to it",
                where=target.address,
                remedy="Name a directory storage with --snippets-storage.",
            )
        directory = f"{path.rstrip('/')}/snippets"
        for command, says, complaint in rules.probes(target.username, directory):
            done = self.session.run(command)
            if done.status != 0 or says not in done.stdout:
                words = (done.stderr or done.stdout).strip().splitlines()
                raise LifecycleError(
                    f"{complaint}: `{command}` exited {done.status}{f', {words[-1]}' if words else ''}",
                    where=str(target),
                    remedy=rules.way_in(target.username, directory),
                )
        yield Check(
            name="snippets over ssh", status=Status.OK, what=f"can write to {directory}", where=str(target)
        )


def _storage(volume: str) -> str:
    return f"storage {rules.storage_of(volume)}"


def _failed(name: str, error: LifecycleError) -> Check:
    return Check(name=name, status=Status.FAILED, what=error.what, where=error.where, remedy=error.remedy)
