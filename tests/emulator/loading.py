"""A client for the tests of the HTTP side: two-step Stream Load, SQL, raw sockets."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pymysql
import requests

from emulator.server import Server

AUTH = ("root", "")
BASIC = "Basic " + base64.b64encode(b"root:").decode()
WAIT_SECONDS = 20.0
T = TypeVar("T")


class Client:
    """Talks to one server, in one database."""

    def __init__(self, server: Server, database: str = "dw") -> None:
        self.fe = f"http://127.0.0.1:{server.http_port}"
        self.be = f"http://127.0.0.1:{server.be_http_port}"
        self.database = database
        self.connection = pymysql.connect(host="127.0.0.1", port=server.mysql_port, user="root", autocommit=True)
        self.sql(f"create database if not exists {database}")
        self.sql(f"use {database}")

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    def named(self, text: str) -> list[dict[str, Any]]:
        with self.connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    def load(self, table: str, body: Any, **headers: str) -> dict[str, Any]:
        """A Stream Load: headers to the FE, then the body to the BE that it names."""
        url = f"{self.fe}/api/{self.database}/{table}/_stream_load"
        wanted = {"Expect": "100-continue", **headers}
        first = requests.put(url, headers=wanted, auth=AUTH, data=b"", allow_redirects=False, timeout=30)
        if first.status_code != 307:
            return dict(first.json())
        second = requests.put(first.headers["Location"], headers=wanted, auth=AUTH, data=body, timeout=30)
        return dict(second.json())

    def csv(self, table: str, text: str, **headers: str) -> dict[str, Any]:
        return self.load(table, text.encode(), column_separator=",", **headers)

    def json(self, table: str, text: str, **headers: str) -> dict[str, Any]:
        return self.load(table, text.encode(), format="json", **headers)

    def state(self, label: str) -> str:
        url = f"{self.fe}/api/{self.database}/get_load_state"
        return str(requests.get(url, params={"label": label}, auth=AUTH, timeout=30).json()["state"])


@contextmanager
def client(server: Server, database: str = "dw") -> Iterator[Client]:
    found = Client(server, database)
    try:
        yield found
    finally:
        found.connection.close()


def wait_for(seen: Callable[[], T], done: Callable[[T], bool]) -> T:
    """Look again and again until it is so; the last look otherwise."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        value = seen()
        if done(value) or time.monotonic() > deadline:
            return value
        time.sleep(0.01)


def raw(port: int, *parts: bytes, until: bytes = b"") -> bytes:
    """Send bytes to a port, part by part; with `until` wait for these bytes after the first part."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        received = b""
        for at, part in enumerate(parts):
            connection.sendall(part)
            while at == 0 and until and until not in received and (data := connection.recv(65536)):
                received += data
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            received += data
        return received
