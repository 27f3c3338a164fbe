"""Whether somebody listens on a port."""

from __future__ import annotations

import socket

from lib.errors import Misconfigured, Unavailable
from lib.probes import PATIENCE


def answers(host: str, port: int, *, what: str, hint: str) -> None:
    """Raises `Misconfigured` when the host has no address, `Unavailable` when nobody takes the connection."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE):
            return
    except socket.gaierror:
        raise Misconfigured(f"{what}: the name {host!r} has no address", hint=hint) from None
    except OSError as error:
        raise Unavailable(f"{what}: nobody answers at {host}:{port} ({error})", hint=hint) from None
