"""The way to the Proxmox API: an allow-list, time-outs, reads repeated, writes sent once."""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from proxmoxer.backends.https import Backend
from proxmoxer.core import ProxmoxResource, ResourceException
from requests.utils import get_environ_proxies

from ops.adapters import api_errors
from ops.adapters.allowed import permitted
from ops.adapters.connection import Connection
from ops.adapters.tls import TlsAdapter
from ops.errors import LifecycleError

if TYPE_CHECKING:
    from datetime import datetime

# proxmoxer logs the form data of every call, passwords included, at INFO.
for _name in ("proxmoxer", "proxmoxer.core", "proxmoxer.backends.https"):
    logging.getLogger(_name).setLevel(logging.WARNING)

READ_DELAYS = (0.5, 1.0)  # seconds before the second and the third attempt of a read
CONNECTIONS = 32  # kept open side by side; more threads than that wait for nothing but handshakes
LOST = (api_errors.GATEWAY | api_errors.PROXY_FAILED) - api_errors.NEVER_ARRIVED


class Api:
    """Calls to one cluster with one token. Raises LifecycleErrors; a call that is not allowed is a bug."""

    def __init__(self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep) -> None:
        address = urlsplit(connection.endpoint)
        user, _, rest = connection.api_token.get_secret_value().partition("!")
        token_name, _, secret = rest.partition("=")
        host = address.hostname or ""
        self.endpoint = connection.endpoint
        self.token_id = connection.token_id
        self._sleep = sleep
        backend = Backend(
            f"[{host}]" if ":" in host else host,
            port=address.port,
            user=user,
            token_name=token_name,
            token_value=secret,
            verify_ssl=not connection.insecure,
            timeout=(api_errors.CONNECT_TIMEOUT, api_errors.ANSWER_TIMEOUT),
        )
        self._session = backend.get_session()
        tls = TlsAdapter(ca_file=connection.ca_file, insecure=connection.insecure, connections=CONNECTIONS)
        self._session.mount("https://", tls)
        # A proxy is looked up once, not at every call; and the token comes from no .netrc.
        self._session.proxies.update(get_environ_proxies(connection.endpoint))
        self._session.trust_env = False
        self._session.hooks["response"].append(self._note_time)
        # The answering node's time, by the Date of its last answer; None before the first.
        self.server_time: datetime | None = None
        self._session.max_redirects = 0  # the token goes nowhere else, and a POST does not become a GET
        self._resources = ProxmoxResource(
            base_url=backend.get_base_url(), session=self._session, serializer=backend.get_serializer()
        )

    def close(self) -> None:
        """End the connections that are kept open between calls."""
        self._session.close()

    def read(self, path: str, **parameters: Any) -> Any:
        """GET, repeated twice where the connection or the server failed."""
        for delay in READ_DELAYS:
            try:
                return self._call("GET", path, parameters)
            except requests.exceptions.SSLError:
                break  # trust does not come by itself
            except requests.RequestException:
                self._sleep(delay)
            except ResourceException as error:
                if error.status_code not in api_errors.TRANSIENT:
                    raise self._refused(error, "GET", path) from None
                self._sleep(delay)
        return self.read_once(path, **parameters)

    def read_once(self, path: str, **parameters: Any) -> Any:
        """GET, not repeated: for a question to which an error is an answer, such as whether an agent runs."""
        try:
            return self._call("GET", path, parameters)
        except requests.RequestException as error:
            raise api_errors.unreachable(self.endpoint, error) from None
        except ResourceException as error:
            raise self._refused(error, "GET", path) from None

    def write(self, method: str, path: str, **parameters: Any) -> str:
        """POST, PUT or DELETE, sent once; returns the UPID of the task that PVE started.

        Raises:
            UnknownOutcomeError: it was sent and no answer came; it may have been accepted.
        """
        try:
            return str(self._call(method, path, parameters))
        except requests.RequestException as error:
            if api_errors.before_sending(error):
                raise api_errors.unreachable(self.endpoint, error) from None
            reason = api_errors.reason(error)
            raise api_errors.outcome_unknown(self.endpoint, method, path, reason) from None
        except ResourceException as error:
            if error.status_code in LOST:
                reason = f"{error.status_code} {error.content}".strip()
                raise api_errors.outcome_unknown(self.endpoint, method, path, reason) from None
            raise self._refused(error, method, path) from None

    def _call(self, method: str, path: str, parameters: Mapping[str, Any]) -> Any:
        if not permitted(method, path, parameters):
            message = f"{method} {path} with {sorted(parameters)} is no call that this program may make"
            raise PermissionError(message)
        try:
            answer = getattr(self._resources(path), method.lower())(**parameters)
        except requests.TooManyRedirects:
            raise api_errors.not_proxmox(self.endpoint) from None
        except (KeyError, TypeError, AttributeError):  # JSON, and not PVE's: proxmoxer stumbles over it
            raise self._garbled(method, path) from None
        if isinstance(answer, dict) and isinstance(answer.get("errors"), bytes):  # no JSON at all
            raise self._garbled(method, path)
        return answer

    def _garbled(self, method: str, path: str) -> LifecycleError:
        """An answer that cannot be read, cut off perhaps, and is no refusal: a write may be accepted."""
        if method == "GET":
            return api_errors.not_proxmox(self.endpoint)
        return api_errors.outcome_unknown(self.endpoint, method, path, "what came is not Proxmox VE's JSON")

    def _note_time(self, response: requests.Response, *_: Any, **__: Any) -> None:
        with contextlib.suppress(ValueError):
            said = parsedate_to_datetime(response.headers.get("Date", ""))
            if said.tzinfo is not None:  # without its zone it says nothing
                self.server_time = said

    def _refused(self, error: ResourceException, method: str, path: str) -> LifecycleError:
        return api_errors.refused(
            error, endpoint=self.endpoint, token_id=self.token_id, method=method, path=path
        )
