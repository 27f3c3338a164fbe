"""Stands between a job and the server, names every act that passes, and kills the job at one of them.

An act is one SQL statement or one HTTP request. Killed `before`, the act has never reached the server; killed `after`,
the server has done it and its answer never reached the job.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.e2e.small import kill

Side = Literal["before", "after"]
_RUN = re.compile(rb"\d{8}T\d{6}[-_][0-9a-f]{6}(?:[-_]\d+)*")
_METHODS = (b"PUT ", b"GET ", b"POST")
_COM_QUERY = 3


@dataclass
class Acts:
    """What has passed, in its order, and where the job is to die."""

    pid: int = 0
    die_at: int = -1
    side: Side = "before"
    passed: list[str] = field(default_factory=list)
    _meant: tuple[re.Pattern[str], Callable[[], object]] | None = None
    _times: int = 0
    _started: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def began(self, pid: int) -> None:
        """The job that is to die has this process id; nothing passes before that is known."""
        self.pid = pid
        self._started.set()

    def on_meeting(self, name: re.Pattern[str], act: Callable[[], object], times: int = 1) -> None:
        """Does something just before the first acts with such a name reach the server."""
        self._meant, self._times = (name, act), times

    def meet(self, name: str) -> Side | None:
        """Counts an act; the side on which the job dies at it, or None."""
        assert self._started.wait(60)
        with self._lock:
            self.passed.append(name)
            if self._times and self._meant and self._meant[0].match(name):
                self._times -= 1
                self._meant[1]()
            return self.side if len(self.passed) - 1 == self.die_at else None


class ActWire:
    """Three listeners: the MySQL port, the HTTP port of the frontend, that of the backend."""

    def __init__(self, mysql_port: int, http_port: int, be_port: int) -> None:
        self.acts = Acts()
        self._listeners: list[socket.socket] = []
        self.be_port = self._listen("BE", be_port)
        self._moved = (f":{be_port}/".encode(), f":{self.be_port}/".encode())
        self.mysql_port = self._listen("SQL", mysql_port)
        self.http_port = self._listen("FE", http_port)

    def close(self) -> None:
        """Stops listening; open connections end with their clients."""
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def settings(self) -> dict[str, str]:
        """The settings of a job that goes through here."""
        return {"STARROCKS_PORT": str(self.mysql_port), "STARROCKS_HTTP_PORT": str(self.http_port)}

    def _listen(self, kind: str, target: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(kind, listener, target), daemon=True).start()
        return int(listener.getsockname()[1])

    def _accept(self, kind: str, listener: socket.socket, target: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            wire = _Wire(self.acts, kind, client, socket.create_connection(("127.0.0.1", target)), self._moved)
            threading.Thread(target=wire.forward, daemon=True).start()
            threading.Thread(target=wire.answer, daemon=True).start()


@dataclass
class _Wire:
    """One connection; requests and answers alternate."""

    acts: Acts
    kind: str
    client: socket.socket
    server: socket.socket
    moved: tuple[bytes, bytes]
    swallow: bool = False

    def forward(self) -> None:
        """From the job to the server."""
        while data := self._request():
            name = self._name(data)
            side = self.acts.meet(name) if name else None
            if side == "before":
                kill(self.acts.pid)
                break
            self.swallow = self.swallow or side == "after"
            with suppress(OSError):
                self.server.sendall(data)
        _close(self.client, self.server)

    def answer(self) -> None:
        """From the server to the job."""
        while data := _receive(self.server):
            if self.swallow and not data.startswith(b"HTTP/1.1 100"):
                kill(self.acts.pid)
                break
            # The frontend's redirect names the backend: it is reached through here as well.
            with suppress(OSError):
                self.client.sendall(data.replace(*self.moved) if self.kind == "FE" else data)
        _close(self.client, self.server)

    def _request(self) -> bytes:
        """What is forwarded at once: a whole packet of the MySQL protocol, or what has come of an HTTP request."""
        if self.kind != "SQL":
            return _receive(self.client)
        head = _exactly(self.client, 4)
        return head + _exactly(self.client, int.from_bytes(head[:3], "little")) if head else b""

    def _name(self, data: bytes) -> str:
        if self.kind != "SQL":
            return f"{self.kind} {_clean(data.split(b' HTTP/')[0])}" if data.startswith(_METHODS) else ""
        # A packet numbered 0 begins a command; the login's packets have other numbers.
        is_query = data[3] == 0 and len(data) > 4 and data[4] == _COM_QUERY
        return f"SQL {_clean(re.sub(rb'/[*].*?[*]/', b'', data[5:]))}" if is_query else ""


def _clean(text: bytes) -> str:
    return " ".join(_RUN.sub(b"#", text).decode("utf-8", "replace").split())


def _exactly(wire: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := _receive(wire, size - len(data))):
        data += more
    return data if len(data) == size else b""


def _receive(wire: socket.socket, size: int = 1 << 16) -> bytes:
    try:
        return wire.recv(size)
    except OSError:
        return b""


def _close(*wires: socket.socket) -> None:
    for wire in wires:
        # Shutdown wakes the thread that reads from it, which close() alone does not.
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        wire.close()
