"""A wire on which a test can wait for a statement, hold it back, and let the server die; it counts who connects."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.jobs.lossy import close_all, receive


class StallingWire:
    """Forwards to a port of this machine; from the first statement with `marker` in it, that connection is silent."""

    def __init__(self, port: int, marker: str = "") -> None:
        self._target = port
        self._marker = marker.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.reached = threading.Event()
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        """What a server does that loses its power: every connection ends, and nobody listens any more."""
        close_all(self._listener, *self._open)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        while data := receive(source):
            if self._marker and self._marker in data and not self.reached.is_set():
                self.reached.set()
                # Until the client hangs up; the statement never arrives.
                while receive(source):
                    continue
                break
            with suppress(OSError):
                target.sendall(data)
        close_all(source, target)
