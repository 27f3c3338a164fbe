"""The ports of the frontend: for SQL, and for Stream Load."""

from __future__ import annotations

from lib.errors import Unavailable
from lib.probes import PATIENCE, Patient, _port
from lib.settings import settings


def mysql_port(_patient: Patient) -> str:
    """Somebody takes connections on the MySQL port."""
    given = settings()
    hint = "is the frontend up? STARROCKS_HOST and STARROCKS_PORT say where"
    _port.answers(given.starrocks_host, given.starrocks_port, what="MySQL port", hint=hint)
    return f"{given.starrocks_host}:{given.starrocks_port}"


def http_port(_patient: Patient) -> str:
    """The frontend says that it is well (fe/.../http/rest/HealthAction.java; it does so without any backend, too)."""
    import requests

    given = settings()
    url = f"http://{given.starrocks_host}:{given.starrocks_http_port}/api/health"
    hint = "STARROCKS_HTTP_PORT is the port of Stream Load, 8030 unless fe.conf says otherwise"
    try:
        reply = requests.get(url, timeout=PATIENCE)
    except requests.RequestException as error:
        raise Unavailable(f"{url}: {type(error).__name__}", hint=hint) from None
    if reply.status_code != 200:
        raise Unavailable(f"{url}: HTTP {reply.status_code}", hint=hint)
    return url
