"""A wire that loses the answer to one statement: the server has done it, and its client cannot know."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class LossyWire:
    """Forwards to a port of this machine; the first statement with `marker` in it arrives, its answer does not."""

    def __init__(self, port: int, marker: str) -> None:
        self._target = port
        self._marker = marker.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lost = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stops listening; open connections end with their clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._return, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while data := receive(client):
            if self._marker in data and not self.lost.is_set():
                self.lost.set()
            server.sendall(data)
        close_all(client, server)

    def _return(self, server: socket.socket, client: socket.socket) -> None:
        is_later = self.lost.is_set()
        while data := receive(server):
            if self.lost.is_set() and not is_later:
                break
            client.sendall(data)
        close_all(client, server)


def receive(wire: socket.socket) -> bytes:
    """What has come; nothing when the other side is gone."""
    try:
        return wire.recv(1 << 16)
    except OSError:
        return b""


def close_all(*wires: socket.socket) -> None:
    """Closes both sides, and wakes the threads that read from them."""
    for wire in wires:
        # Shutdown wakes the thread that reads from it, which close() alone does not.
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        wire.close()
