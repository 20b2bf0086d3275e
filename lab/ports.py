"""Where the lab listens, so that two labs and other programs do not meet."""

import socket

API_ADDRESS = "127.0.0.1"
GUEST_PORT = 2222
RESERVED = "127.64.0.1"  # no guest's: holding the guest port here keeps a second lab off it


def is_free(port: int) -> bool:
    """Whether the API could listen at this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((API_ADDRESS, port))
        except OSError:
            return False
    return True


def reserve_guest_port(wanted: int | None) -> socket.socket:
    """Hold the guests' port: the wanted one or OSError; where none is wanted 2222, else any."""
    for port in (GUEST_PORT, 0) if wanted is None else (wanted,):
        reserved = socket.socket()
        try:
            reserved.bind((RESERVED, port))
            reserved.listen(1)
        except OSError:
            reserved.close()
            continue
        return reserved
    raise OSError(f"port {wanted} is taken on {RESERVED}: name another guest_port, or 0 for any")
