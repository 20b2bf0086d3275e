"""Whether the provider would trust the API's certificate: it is Go, and knows none of our settings."""

from collections.abc import Mapping
from pathlib import Path

import requests

from ops.adapters.api_errors import ANSWER_TIMEOUT, CONNECT_TIMEOUT
from ops.adapters.tls import TlsAdapter
from ops.errors import LifecycleError

VARIABLE = "SSL_CERT_FILE"
# Go, crypto/x509 (root_linux.go): the first of these that is there, unless the variable names another one.
STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def provider_trusts(endpoint: str, environment: Mapping[str, str]) -> bool:
    """Ask the endpoint for its version as the provider does, without a token; any answer is trust.

    Raises:
        LifecycleError: nobody answers, so nothing is known.
    """
    store = environment.get(VARIABLE) or next((each for each in STORES if Path(each).is_file()), None)
    if store is None:
        return False
    with requests.Session() as session:
        session.mount("https://", TlsAdapter(ca_file=Path(store), insecure=False, connections=1))
        try:
            session.get(f"{endpoint}/api2/json/version", timeout=(CONNECT_TIMEOUT, ANSWER_TIMEOUT))
        except requests.exceptions.SSLError:
            return False
        except requests.RequestException as error:
            raise LifecycleError(f"does not answer: {type(error).__name__}", where=endpoint) from None
    return True
