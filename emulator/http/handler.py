"""What both HTTP ports share: threads, Basic auth, JSON answers, bodies with a length or in chunks."""

from __future__ import annotations

import base64
import binascii
import json
import re
import shutil
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from emulator import injected_faults
from emulator.errors import StarRocksError
from emulator.injected_faults import InjectedFaults
from emulator.people import login
from emulator.people.access import Access
from emulator.storage.engine import Engine
from emulator.storage.transactions import Transactions
from emulator.stream_load.headers import BodyError
from emulator.stream_load.multi_table import MultiTableLoads
from emulator.stream_load.transaction import TransactionLoads

if TYPE_CHECKING:
    from emulator.server import Server

CHUNK_BYTES = 1 << 20
DRAIN_BYTES = 64 << 20
DRAIN_SECONDS = 1.0
IDLE_SECONDS = 60.0
INSERT_DENIED = "Access denied; you need (at least one of) the INSERT privilege(s) for this operation"
Authenticate = Callable[[str, str, str], Access]
Route = tuple[str, re.Pattern[str], Callable[..., None]]


@dataclass
class Context:
    """What a request may reach; one for both ports of a server. `backend` is host:port of the BE port."""

    engine: Engine
    transactions: Transactions
    authenticate: Authenticate
    faults: InjectedFaults
    transaction_loads: TransactionLoads
    multi_table: MultiTableLoads
    backend: str = ""


_contexts: weakref.WeakKeyDictionary[Server, Context] = weakref.WeakKeyDictionary()


def context_of(server: Server) -> Context:
    """The context of a server; made at the first call, when what a crash left in the spool is swept too."""
    if server not in _contexts:
        _sweep(server.engine.spool)
        faults = injected_faults.of(server)
        multi_table = MultiTableLoads(server.engine, server.transactions, faults)

        def fail_over(_wanted: object) -> None:
            server.fail_over()
            multi_table.fail_over()

        faults.actions["failover"] = fail_over
        _contexts[server] = Context(
            server.engine,
            server.transactions,
            _authenticate(server),
            faults,
            TransactionLoads(server.engine, server.transactions, faults),
            multi_table,
        )
    return _contexts[server]


def _sweep(spool: Path) -> None:
    for path in spool.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name.startswith("load_"):
            path.unlink()


def _authenticate(server: Server) -> Authenticate:
    def log_in(user: str, host: str, password: str) -> Access:
        return server.access_of(login.by_password(server.engine, user, host, password))

    return log_in


class HttpServer(ThreadingHTTPServer):
    """A port with one thread a connection."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[Handler], context: Context) -> None:
        self.context = context
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that vanishes concerns nobody else."""


@dataclass(frozen=True)
class Url:
    """Path and query of a request."""

    path: str
    query: dict[str, list[str]] = field(default_factory=dict)

    def parameter(self, name: str) -> str:
        return self.query.get(name, [""])[0]


class Handler(BaseHTTPRequestHandler):
    """Finds the route of a request; subclasses give `routes` and the methods they name."""

    protocol_version = "HTTP/1.1"
    server_version = "StarRocks-emulator"
    wbufsize = -1
    timeout = IDLE_SECONDS
    routes: ClassVar[tuple[Route, ...]] = ()
    server: HttpServer

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: stdout belongs to the server's one line."""

    @property
    def context(self) -> Context:
        return self.server.context

    def handle_expect_100(self) -> bool:
        """Whoever reads the body says 100 Continue himself, after he has looked at the headers."""
        return True

    def do_GET(self) -> None:
        self._dispatch()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def _dispatch(self) -> None:
        self.context.faults.delay()
        parts = urlsplit(self.path)
        self.url = Url(parts.path, parse_qs(parts.query, keep_blank_values=True))
        known = False
        for method, pattern, act in self.routes:
            found = pattern.fullmatch(self.url.path)
            known = known or found is not None
            if found is not None and method == self.command:
                act(self, *(unquote(group) for group in found.groups()))
                return
        self.close_connection = True
        if known:
            self.answer({"status": "FAILED", "msg": f"method {self.command} is not allowed here"}, 405)
        else:
            self.answer({"status": "FAILED", "msg": f"{self.url.path} is not supported by the embedded server"}, 404)

    # -- reading --------------------------------------------------------------------------------------------------

    def lowered_headers(self) -> dict[str, str]:
        """Headers by lower-case name; values are UTF-8 where they can be."""
        return {name.lower(): _utf8(value.strip()) for name, value in self.headers.items()}

    def expects_continue(self) -> bool:
        return self.headers.get("Expect", "").lower() == "100-continue"

    def credentials(self) -> tuple[str, str] | None:
        """(user, password) of a Basic header, None when there is none that can be read."""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, found, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if found else None

    def logged_in(self) -> Access | None:
        """The rights of the user that the request proves to be; None when it proves none."""
        found = self.credentials()
        try:
            return self.context.authenticate(found[0], self.client_address[0], found[1]) if found else None
        except StarRocksError:
            return None

    def tables_of(self, headers: Mapping[str, str]) -> list[str]:
        """The tables that a transaction call writes: the header's, and those of the transaction so far."""
        txn = self.context.transactions.find(headers.get("db", ""), headers.get("label", ""))
        known = [name.split(".")[-1] for name in txn.tables] if txn is not None else []
        return [name for name in (headers.get("table", ""), *known) if name]

    def body(self) -> Iterator[bytes]:
        """The body in chunks; says 100 Continue first when the client waits for it.

        Raises BodyError when the client stops early.
        """
        if self.expects_continue() and self.request_version >= "HTTP/1.1":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._chunked()
            return
        yield from self._pieces(int(self.headers.get("Content-Length") or 0))

    def _chunked(self) -> Iterator[bytes]:
        while True:
            head = self.rfile.readline(1024).split(b";")[0].strip()
            try:
                left = int(head, 16)
            except ValueError as error:
                raise BodyError("receive body don't equal with body bytes") from error
            if left == 0:
                while self.rfile.readline(65536) not in (b"\r\n", b"\n", b""):
                    pass
                return
            yield from self._pieces(left)
            self.rfile.readline(8)

    def _pieces(self, left: int) -> Iterator[bytes]:
        """The next `left` bytes. Raises BodyError when fewer come."""
        while left:
            try:
                data = self.rfile.read(min(left, CHUNK_BYTES))
            except OSError as error:
                raise BodyError("receive body don't equal with body bytes") from error
            if not data:
                raise BodyError("receive body don't equal with body bytes")
            left -= len(data)
            yield data

    def small_body(self) -> bytes:
        return b"".join(self.body())

    def drain(self) -> None:
        """Read away what the client is still sending, so that closing does not destroy our answer."""
        self.connection.settimeout(DRAIN_SECONDS)
        left = DRAIN_BYTES
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (data := self.connection.recv(CHUNK_BYTES)):
                left -= len(data)
        except OSError:
            return

    # -- answering ------------------------------------------------------------------------------------------------

    def answer(self, body: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send a JSON body."""
        data = json.dumps(body, indent=4, ensure_ascii=False).encode()
        self.send_bytes(data, "application/json", status, headers)

    def send_bytes(self, data: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()


def _utf8(value: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def serve(handler: type[Handler], host: str, port: int, context: Context) -> tuple[int, Callable[[], None]]:
    """Open a port and serve it in a thread of its own; give the port and the function that closes it."""
    server = HttpServer((host, port), handler, context)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=handler.__name__, daemon=True
    )
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return int(server.server_address[1]), stop
