"""An SSH server that takes the keys, and answers the commands, that a test wants."""

import asyncio
from contextlib import contextmanager

import asyncssh

from ops.adapters.ssh import Target
from ops.adapters.ssh_keys import private_key


def make_key():
    """A private key as the product reads it, and its public line."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    return private_key(made.export_private_key().decode()), made.export_public_key().decode().strip()


class Server(asyncssh.SSHServer):
    """Takes `keys`, and does at the given offer of a key what `at_offer` says."""

    keys, at_offer, offers = "", {}, []

    def connection_made(self, conn):
        """Remember it."""
        self.conn = conn

    def begin_auth(self, username):
        """Everybody needs a key."""
        return bool(username)

    def public_key_auth_supported(self):
        """The only way in."""
        return True

    def validate_public_key(self, username, key):
        """Take it or not."""
        assert username == "ops"
        type(self).offers.append(key.export_public_key().decode().split()[1])
        action = self.at_offer.get(len(self.offers))
        if action:
            action(self.conn)
            return False
        return key.export_public_key().decode().split()[1] in self.keys


@contextmanager
def open_servers(loop):
    """What starts a server; each gives its target and the class that counts the offers."""
    listeners = []

    def start(keys, process, at_offer=None):
        kind = type("Server", (Server,), {"keys": keys, "at_offer": at_offer or {}, "offers": []})
        host_key = asyncssh.generate_private_key("ssh-ed25519")

        async def listen():
            return await asyncssh.listen(
                "127.0.0.1", 0, server_factory=kind, server_host_keys=[host_key], process_factory=process
            )

        listener = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        listeners.append(listener)
        line = host_key.export_public_key().decode().strip()
        target = Target(address="127.0.0.1", port=listener.get_port(), username="ops", host_key=line)
        return target, kind

    yield start

    async def close():
        for listener in listeners:
            listener.close()
            await listener.wait_closed()
        await asyncio.sleep(0.05)

    asyncio.run_coroutine_threadsafe(close(), loop).result()
