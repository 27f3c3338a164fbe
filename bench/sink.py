"""A StarRocks that takes every Stream Load and keeps nothing: counts rows and bytes, answers as a backend does.

`python -m bench.sink [FILE]` prints its port and serves until its stdin ends; with FILE the bodies are kept there.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

_PIECE = 1024 * 1024


class Sink:
    """Front end and back end on one port: a request without a body is sent to the other."""

    def __init__(self, kept: BinaryIO | None) -> None:
        self._kept = kept
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Answers until the process ends."""
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, cast(BinaryIO, connection.makefile("rb", buffering=_PIECE)) as request:
            line = request.readline().decode("latin-1").split(" ")
            if len(line) < 2:
                return
            headers: dict[str, str] = {}
            while text := request.readline().strip():
                name, _, value = text.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            length = int(headers.get("content-length", "0"))
            if line[0] == "PUT" and not length and "transfer-encoding" not in headers:
                location = f"http://127.0.0.1:{self.port}{line[1]}"
                self._send(connection, "307 Temporary Redirect", "", f"Location: {location}\r\n")
                return
            if "100-continue" in headers.get("expect", "").lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            delimiter = b"\x02" if headers.get("row_delimiter") == "\\x02" else b"\n"
            chunked = "transfer-encoding" in headers
            rows = size = 0
            for piece in _chunks(request) if chunked else _pieces(request, length):
                size += len(piece)
                rows += bytes(piece).count(delimiter)
                if self._kept:
                    self._kept.write(piece)
            if self._kept:
                self._kept.flush()
            answer = {
                "TxnId": 1, "Label": headers.get("label", ""), "Status": "Success", "Message": "OK",
                "NumberTotalRows": rows, "NumberLoadedRows": rows, "NumberFilteredRows": 0,
                "NumberUnselectedRows": 0, "LoadBytes": size,
            }  # fmt: skip
            self._send(connection, "200 OK", json.dumps(answer))

    def _send(self, connection: socket.socket, status: str, body: str, more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + body).encode())


def _pieces(request: BinaryIO, length: int) -> Iterator[memoryview]:
    """A body of known length; each piece is overwritten by the next."""
    buffer = memoryview(bytearray(_PIECE))
    while length:
        got = request.readinto(buffer[: min(_PIECE, length)])  # type: ignore[attr-defined]
        if not got:
            return
        yield buffer[:got]
        length -= got


def _chunks(request: BinaryIO) -> Iterator[memoryview]:
    """A body in chunks of HTTP."""
    while size := int(request.readline().partition(b";")[0] or b"0", 16):
        yield from _pieces(request, size)
        request.readline()


def main() -> None:
    """Serves in threads; ends with its parent, whose end of stdin closes."""
    kept = Path(sys.argv[1]).open("ab") if len(sys.argv) > 1 else None  # noqa: SIM115  # open as long as the process
    sink = Sink(kept)
    print(sink.port, flush=True)
    threading.Thread(target=sink.serve, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
