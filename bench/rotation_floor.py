"""The least that a rotation in Python can cost: paramiko in threads, three logins a host, no questions asked.

Add with the old key, log in with the new one, remove with the new one. It proves nothing afterwards, keeps no
way back and no journal, and edits a file in place: never use it.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

FILE = ".ssh/authorized_keys"


def _run(where: tuple[str, int, str], known_hosts: str, key: paramiko.PKey, command: str) -> None:
    address, port, user = where
    with paramiko.SSHClient() as client:
        client.load_host_keys(known_hosts)
        client.connect(address, port, user, pkey=key, allow_agent=False, look_for_keys=False)
        _, stdout, _ = client.exec_command(command)
        if stdout.channel.recv_exit_status():
            raise RuntimeError(f"{address}: {command}")


def main() -> None:
    """INVENTORY KNOWN_HOSTS OLD NEW FORKS."""
    inventory, known_hosts, old, new, forks = sys.argv[1:]
    old_key, new_key = (paramiko.Ed25519Key.from_private_key_file(path) for path in (old, new))
    added, removed = (Path(f"{path}.pub").read_text("utf-8").strip() for path in (new, old))
    blob = removed.split()[1].replace("/", "\\/")

    def rotate(line: str) -> None:
        _, address, port, user = line.split()
        where = (address, int(port), user)
        _run(where, known_hosts, old_key, f"echo '{added}' >>{FILE}")
        _run(where, known_hosts, new_key, "true")
        _run(where, known_hosts, new_key, f"sed -i '/{blob}/d' {FILE}")

    with ThreadPoolExecutor(int(forks)) as pool:
        list(pool.map(rotate, Path(inventory).read_text("utf-8").splitlines()))


if __name__ == "__main__":
    main()
