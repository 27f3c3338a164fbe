"""A StarRocks on loopback that does what a test says, down to the byte: frontend and backend as raw sockets.

It stands in for the server, not for our code: what is sent to it goes through requests and the kernel.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TAKE_ALL = -1


@dataclass
class Request:
    """One request as it arrived. `whole` is False when its body broke off."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    size: int = 0
    whole: bool = False


@dataclass
class Play:
    """What to do with one request: read so much of its body, answer with these bytes, then close or reset."""

    reply: bytes = b""
    take: int = TAKE_ALL
    reset: bool = False


Handler = Callable[[Request], Play]


@dataclass
class Listener:
    """One HTTP port. `handler` chooses the play when the head of a request is there."""

    handler: Handler
    keep: bool = True
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop to listen."""
        # Shutdown wakes the thread in accept(), which close() alone does not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            request = _head(stream)
            if request is None:
                return
            self.requests.append(request)
            play = self.handler(request)
            _body(stream, request, play.take, self.keep)
            if play.reset:
                # Linger 0: closing sends RST instead of FIN.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(play.reply)


def _head(stream: Any) -> Request | None:
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = {}
    while (text := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line[0], line[1], headers)


def _body(stream: Any, request: Request, take: int, keep: bool) -> None:
    chunked = request.headers.get("transfer-encoding") == "chunked"
    for piece in _chunks(stream) if chunked else _pieces(stream, int(request.headers.get("content-length", 0))):
        request.size += len(piece)
        if keep:
            request.body += piece
        if take != TAKE_ALL and request.size >= take:
            return
    wanted = request.headers.get("content-length")
    request.whole = chunked or wanted is None or request.size == int(wanted)


def _pieces(stream: Any, length: int) -> Any:
    while length > 0 and (piece := stream.read1(min(length, 1 << 16))):
        length -= len(piece)
        yield piece


def _chunks(stream: Any) -> Any:
    while size := int(stream.readline() or b"0", 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()


def http(text: str | bytes, code: int = 200, **headers: str) -> bytes:
    """The bytes of an HTTP answer."""
    body = text.encode() if isinstance(text, str) else text
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {code} Said\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def answer(status: str = "Success", message: str = "OK", rows: int = 3, **fields: Any) -> bytes:
    """A backend's answer, with the fields that StarRocks 4.1 sends."""
    counts = {"NumberTotalRows": rows, "NumberLoadedRows": rows, "NumberFilteredRows": 0, "NumberUnselectedRows": 0}
    head = {"TxnId": 1003, "Label": "l", "Db": "dw", "Table": "t", "Status": status, "Message": message}
    return http(json.dumps({**head, **counts, "LoadBytes": 9, "LoadTimeMs": 1, **fields}))


class Cluster:
    """A frontend that redirects to a backend. Tests change `plays`, `states`, `frontend_says`, `location`."""

    def __init__(self) -> None:
        self.plays: list[Play] = []
        self.states: list[str] = []
        self.frontend_says: list[bytes] = []
        self.location = ""
        self.be = Listener(self._backend)
        self.fe = Listener(self._frontend)

    @property
    def loads(self) -> list[Request]:
        """The Stream Loads that reached the backend."""
        return [request for request in self.be.requests if request.method == "PUT"]

    @property
    def asked(self) -> int:
        """How often the state of a label was asked."""
        return len([request for request in self.fe.requests if "get_load_state" in request.path])

    def close(self) -> None:
        """Stop both ports."""
        self.be.close()
        self.fe.close()

    def _frontend(self, request: Request) -> Play:
        if "get_load_state" in request.path:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            if state.startswith("HTTP"):
                return Play(state.encode())
            return Play(http(json.dumps({"state": state, "reason": "", "status": "OK", "code": "0", "msg": "Success"})))
        if self.frontend_says:
            return Play(self.frontend_says.pop(0))
        location = self.location or f"http://127.0.0.1:{self.be.port}{request.path}"
        return Play(http("", 307, Location=location))

    def _backend(self, request: Request) -> Play:
        if request.method == "GET":
            return Play(http("Error: NULL value in non-nullable column 'id'. Row: 1\x01\\N\nError: two\n" + "x\n" * 99))
        return self.plays.pop(0) if self.plays else Play(answer())
