"""Messages of the MySQL protocol over a socket: cut into packets of 16 MB and put together again, numbered."""

from __future__ import annotations

import socket

MAX_PACKET = (1 << 24) - 1
MAX_STATEMENT = 1 << 30
FLUSH_BYTES = 1 << 16


class Gone(Exception):
    """The client closed, or broke the protocol."""


class Channel:
    """One connection's bytes. What is written waits in `buffer` until it is large, or `flush`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb", buffering=1 << 16)
        self.sequence = 0
        self.buffer = bytearray()
        # Whether nothing was answered yet to the message read last; the sequence comes round every 256 packets.
        self.is_untouched = True

    def read(self) -> bytes:
        """One message, put together from its packets. Raises Gone."""
        parts, total = [], 0
        while True:
            header = self._stream.read(4)
            if len(header) < 4:
                raise Gone
            size = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) % 256
            data = self._stream.read(size)
            total += size
            if len(data) < size or total > MAX_STATEMENT:
                raise Gone
            parts.append(data)
            if size < MAX_PACKET:
                self.is_untouched = True
                return b"".join(parts)

    def write(self, payload: bytes) -> None:
        """Put one message into the buffer, cut into packets."""
        self.is_untouched = False
        for start in range(0, len(payload) + 1, MAX_PACKET):
            part = payload[start : start + MAX_PACKET]
            self.buffer += len(part).to_bytes(3, "little") + bytes((self.sequence,)) + part
            self.sequence = (self.sequence + 1) % 256
        if len(self.buffer) > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what waits. Raises OSError."""
        if self.buffer:
            self._connection.sendall(self.buffer)
            self.buffer.clear()
