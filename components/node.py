"""The shell of a Proxmox VE node, for what the API cannot do."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_command import remote
from pulumi_proxmoxve import Provider, ProviderSshArgs, ProviderSshNodeArgs

from components.models import NodeAccess
from components.settings import KEY_VARIABLE

USER_VARIABLE = "PROXMOX_VE_SSH_USERNAME"


@dataclass(frozen=True, kw_only=True)
class NodeShell:
    """Who logs in to the nodes, and where they are."""

    user: str
    private_key: str
    nodes: Mapping[str, NodeAccess]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], nodes: Mapping[str, NodeAccess]) -> "NodeShell":
        """Take the login from the provider's own variables, so that it is given once."""
        return cls(
            user=environ.get(USER_VARIABLE, "root"), private_key=environ.get(KEY_VARIABLE, ""), nodes=nodes
        )

    def connection(self, node: str) -> remote.ConnectionArgs:
        """Return the connection to a node, whose host key is checked."""
        access = self.nodes[node]
        return remote.ConnectionArgs(
            host=access.address,
            port=access.port,
            user=self.user,
            private_key=pulumi.Output.secret(self.private_key),
            host_key=access.host_key,
            per_dial_timeout=15,
            dial_error_limit=5,
        )

    def in_container(self, vm_id: int) -> str:
        """Return the node's command that runs a script from standard input in a container.

        In one that is stopped nothing is run, and that is no failure: only a guest whose day is over is
        stopped here, for every other one is started before.
        """
        pct = "pct" if self.user == "root" else "sudo -n pct"
        run = f"{pct} exec {vm_id} -- /bin/sh -s"
        return f"if {pct} status {vm_id} | grep -q stopped; then cat >/dev/null; else {run}; fi"

    def provider(self) -> Provider:
        """Declare the Proxmox VE provider; secrets stay in its environment variables, out of the state."""
        nodes = [
            ProviderSshNodeArgs(name=name, address=access.address, port=access.port)
            for name, access in sorted(self.nodes.items())
        ]
        return Provider("proxmox", ssh=ProviderSshArgs(nodes=nodes) if nodes else None)
