"""The HTTP side of Stream Load: where a request may go, and what it means when it does not come back.

The one module that imports requests; lib.stream_load.load imports it at the first load.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from lib.errors import Misconfigured, Unavailable
from lib.redaction import described
from lib.settings import Settings
from lib.stream_load.body import Stream

# Seconds that the backend may take to accept one piece of the body, while it flushes what it has.
PATIENCE = 300.0
# Seconds beyond the load's own timeout before its answer is given up.
GRACE = 30.0
# An answer is a few hundred bytes; nothing that speaks for ever fills our memory.
LARGEST = 1 << 20
# FE followers send `get_load_state` on to the leader.
HOPS = 3


class Reply(NamedTuple):
    """Status code and body of an answer that arrived whole."""

    code: int
    text: bytes
    location: str = ""


class Lost(Exception):
    """The body was on its way, and no whole answer came back."""


class Wire:
    """Requests with the credentials of the settings, to hosts that are known."""

    def __init__(self, settings: Settings, known_hosts: Callable[[], set[str]] | None) -> None:
        self._settings = settings
        self._known_hosts = known_hosts or set
        self.frontend = f"http://{_bracketed(settings.starrocks_host)}:{settings.starrocks_http_port}"

    def ask(self, path: str) -> Reply:
        """GET from the frontend, or from the leader it points to. Raises `Unavailable`, `Misconfigured`."""
        base = self.frontend
        for _ in range(HOPS):
            reply = self._small("GET", base + path, {})
            if not reply.location:
                return reply
            base = self.reachable(reply.location)
        raise Unavailable(f"{self.frontend}{path}: the frontends send it round in a circle: {base}")

    def knock(self, path: str, headers: Mapping[str, str]) -> Reply:
        """The header-only PUT to the frontend, which chooses a backend. It never loads anything."""
        return self._small("PUT", self.frontend + path, headers)

    def deliver(self, url: str, headers: Mapping[str, str], body: Stream, timeout: float) -> Reply:
        """PUT the body once. Raises `Unavailable` while the backend has none of it, `Lost` after that.

        What the producer of the body raises goes through; the backend drops a body that breaks off.
        """
        times = (self._settings.starrocks_connect_timeout, timeout + GRACE)
        try:
            return self._request("PUT", url, headers, body, times)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if body.fault is not None:
                raise body.fault from None
            if body.begun:
                raise Lost(described(error)) from None
            raise Unavailable(
                f"Stream Load: no connection to backend {_host(url)}: {described(error)}",
                hint="is it alive (SHOW BACKENDS) and reachable from here? STARROCKS_HOST_MAP maps its name",
            ) from None

    def tracking_log(self, url: str, lines: int) -> list[str]:
        """The first lines of an ErrorURL, which needs no credentials; [] when it cannot be had."""
        try:
            parts = urlsplit(url)
            target = f"{self.reachable(url)}{parts.path}?{parts.query}"
            with _session() as session, session.get(target, stream=True, timeout=(3, 5)) as response:
                text = response.raw.read(1 << 14, decode_content=True)
        except (Misconfigured, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            return []
        shown = [_printable(line)[:300] for line in text.decode("utf-8", "replace").splitlines()]
        return [line for line in shown if line.strip()][:lines]

    def reachable(self, location: str) -> str:
        """`http://host:port` of a URL that the server named, mapped by STARROCKS_HOST_MAP.

        Raises `Misconfigured` for a host that nobody vouches for: it would be sent the password.
        """
        try:
            parts = urlsplit(location)
            scheme, host, port = parts.scheme, parts.hostname or "", parts.port or 80
        except ValueError:
            scheme, host, port = "", "", 0
        if scheme not in ("http", "https") or not host:
            raise Misconfigured(f"Stream Load: the frontend redirects to {location!r}, which is no address")
        mapped = self._settings.starrocks_host_map.get(host)
        if mapped:
            own = urlsplit(f"//{mapped}")
            return f"{scheme}://{_bracketed(own.hostname or mapped)}:{own.port or port}"
        self._vouch(host, port)
        return f"{scheme}://{_bracketed(host)}:{port}"

    def _vouch(self, host: str, port: int) -> None:
        frontend = self._settings.starrocks_host.lower()
        if host == frontend or (_loopback(host) and _loopback(frontend)):
            return
        where = f"Stream Load: frontend {frontend} redirects to {host}:{port}, which is"
        if _loopback(host):
            raise Misconfigured(
                f"{where} this machine and not the backend; no credentials were sent",
                hint=f"set STARROCKS_HOST_MAP={host}={frontend}, or register it by a name that resolves",
            )
        if host not in {known.lower() for known in self._known_hosts()}:
            raise Misconfigured(
                f"{where} none of its backends; no credentials were sent",
                hint=f"if it is right, set STARROCKS_HOST_MAP={host}={host}",
            )

    def _small(self, method: str, url: str, headers: Mapping[str, str]) -> Reply:
        times = (
            self._settings.starrocks_connect_timeout,
            max(30.0, self._settings.starrocks_connect_timeout),
        )
        try:
            return self._request(method, url, headers, b"", times)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(
                f"Stream Load: no answer from frontend {_host(url)}: {described(error)}",
                hint="check STARROCKS_HOST and STARROCKS_HTTP_PORT, then ./run doctor",
            ) from None

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: Any, times: tuple[float, float]
    ) -> Reply:
        # `Expect: 100-continue` is only named: requests does not wait for the 100, and need not, since the
        # frontend has been asked without a body before.
        with (
            _session() as session,
            session.request(
                method,
                url,
                headers={**headers, "Authorization": self._login()},
                data=body,
                timeout=times,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            text = response.raw.read(LARGEST, decode_content=True)
            location = response.headers.get("Location", "") if response.status_code == 307 else ""
            return Reply(response.status_code, text, location)

    def _login(self) -> str:
        """Basic authorization in UTF-8, as the frontend reads it; requests itself would send latin-1."""
        pair = f"{self._settings.starrocks_user}:{self._settings.starrocks_password.reveal()}"
        return "Basic " + base64.b64encode(pair.encode("utf-8", "surrogateescape")).decode()


class _PatientConnection(urllib3.connection.HTTPConnection):
    """Connects within the connect timeout, then lets each piece of the body take longer.

    urllib3 keeps the connect timeout on the socket until the body is sent: a backend that flushes for 11 s
    would look like a lost one.
    """

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(PATIENCE)


class _PatientPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PatientConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = {**self.poolmanager.pool_classes_by_scheme, "http": _PatientPool}
        self.poolmanager.pool_classes_by_scheme = pools


def _session() -> requests.Session:
    """A session for one request: a kept connection that the server has closed would look like a lost load.

    Without the environment: a proxy named there would get rows and password, and a .netrc would replace the
    login.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", _Adapter(max_retries=0))
    return session


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _printable(text: str) -> str:
    """Rows are shown in these lines, with the separators that no terminal shows."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _host(url: str) -> str:
    return urlsplit(url).netloc
