"""A StarRocks that takes every Stream Load and keeps nothing: counts rows and bytes, answers as a backend does.

`python -m bench.sink [FILE]` prints its port and serves until its stdin ends; with FILE the bodies are kept there.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
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
            rows, size = self._read(request, length, delimiter)
            answer = {
                "TxnId": 1, "Label": headers.get("label", ""), "Status": "Success", "Message": "OK",
                "NumberTotalRows": rows, "NumberLoadedRows": rows, "NumberFilteredRows": 0,
                "NumberUnselectedRows": 0, "LoadBytes": size,
            }  # fmt: skip
            self._send(connection, "200 OK", json.dumps(answer))

    def _read(self, request: BinaryIO, length: int, delimiter: bytes) -> tuple[int, int]:
        rows = size = 0
        buffer = memoryview(bytearray(_PIECE))
        while size < length:
            got = request.readinto(buffer[: min(_PIECE, length - size)])  # type: ignore[attr-defined]
            if not got:
                break
            size += got
            rows += bytes(buffer[:got]).count(delimiter)
            if self._kept:
                self._kept.write(buffer[:got])
        if self._kept:
            self._kept.flush()
        return rows, size

    def _send(self, connection: socket.socket, status: str, body: str, more: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + body).encode())


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
