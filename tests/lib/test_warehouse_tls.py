"""TLS of the MySQL connection: taken where the server offers it, insisted on where a CA file is set."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import pymysql
import pytest

from lib import warehouse
from lib.errors import Told
from lib.warehouse import Warehouse

WITH_DATABASE, PROTOCOL_41, TLS, SECURE, PLUGIN = 1 << 3, 1 << 9, 1 << 11, 1 << 15, 1 << 19
# A client that takes TLS sends 32 bytes of capabilities in a packet, and behind it a record of this kind.
CAPABILITIES, HANDSHAKE = 32, 0x16


class Greeter:
    """A MySQL server that greets one client, hears the beginning of its answer, and hangs up."""

    def __init__(self, offered: int) -> None:
        self._offered, self._heard = offered, b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _ = self._socket.accept()
        with client, self._socket:
            low, high = self._offered & 0xFFFF, self._offered >> 16
            greeting = b"\x0a8.0.33\0" + struct.pack("<I8sBHBHHB", 1, b"12345678", 0, low, 45, 2, high, 21)
            greeting += bytes(10) + b"123456789012\0mysql_native_password\0"
            client.sendall(struct.pack("<I", len(greeting)) + greeting)
            client.settimeout(10)
            while len(self._heard) < 4 + CAPABILITIES + 1 and (piece := client.recv(4096)):
                self._heard += piece

    def heard(self) -> tuple[int, bytes]:
        """The size of the client's first packet, and what came after so many bytes."""
        self._thread.join(10)
        size = int.from_bytes(self._heard[:3], "little")
        return size, self._heard[4 + size :]


@pytest.mark.parametrize("offers_tls", [True, False])
def test_tls_is_taken_where_it_is_offered(environment: Callable[..., None], offers_tls: bool) -> None:
    server = Greeter(WITH_DATABASE | PROTOCOL_41 | SECURE | PLUGIN | (TLS if offers_tls else 0))
    environment(STARROCKS_PORT=server.port)
    with pytest.raises(Told):
        Warehouse(job="j", run_id="r").read("SELECT 1")
    size, behind = server.heard()
    assert (size == CAPABILITIES, behind[:1] == bytes([HANDSHAKE])) == (offers_tls, offers_tls)


def test_without_a_ca_the_context_is_that_of_pymysql_without_the_certificates_of_the_system() -> None:
    ours, theirs = warehouse.Connection(defer_connect=True).ctx, pymysql.connections.Connection(defer_connect=True).ctx
    for name in ("check_hostname", "verify_mode", "minimum_version", "maximum_version", "options", "protocol"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.cert_store_stats()["x509"] == 0
