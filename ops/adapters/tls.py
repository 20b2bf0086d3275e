"""One TLS context for all connections of a session: requests reads the whole CA file anew for each."""

import ssl
from pathlib import Path
from typing import Any

import certifi
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from ops.errors import LifecycleError


class TlsAdapter(HTTPAdapter):
    """Verifies by the CA file, by the usual authorities without one, or not where that was asked for."""

    def __init__(self, *, ca_file: Path | None, insecure: bool, connections: int) -> None:
        self._context = create_urllib3_context()
        # From Python 3.13 on urllib3 asks an authority for a key usage, and Proxmox VE's own has none
        # (pve-cluster, Setup.pm: gen_pveca_cert).
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if insecure:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        else:
            _trust(self._context, str(ca_file or certifi.where()))
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *arguments: Any, **given: Any) -> None:  # noqa: D102 - requests'
        super().init_poolmanager(*arguments, ssl_context=self._context, **given)

    def proxy_manager_for(self, *arguments: Any, **given: Any) -> Any:  # noqa: D102 - requests'
        return super().proxy_manager_for(*arguments, ssl_context=self._context, **given)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Add nothing to what the context holds."""


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise LifecycleError(
            f"holds no CA certificate that can be read: {error.strerror or error}",
            where=ca_file,
            remedy="Name the CA in PROXMOX_VE_CA_FILE (on a node: /etc/pve/pve-root-ca.pem).",
        ) from None
