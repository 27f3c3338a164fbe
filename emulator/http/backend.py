"""The BE's HTTP port: takes the bodies of loads, shows their error lines, health.

Sources: be/src/http/action/stream_load.cpp, transaction_stream_load.cpp, be/src/http/download_action.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from emulator.http.handler import INSERT_DENIED, Handler, Route, context_of, serve
from emulator.people.privileges import TABLE
from emulator.stream_load.headers import LoadError
from emulator.stream_load.load import Request, StreamLoad
from emulator.stream_load.transaction_calls import is_multi_table

if TYPE_CHECKING:
    from emulator.server import Server

LOG_NAME = re.compile(r"error_log_(\d+)")
MULTI_REFUSED = "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes"


class BackendHandler(Handler):
    """One request to the BE port."""

    def _dispatch(self) -> None:
        if self.context.faults.backend_gone:
            self.close_connection = True
            return
        super()._dispatch()

    def _user(self, db: str, *tables: str) -> str:
        """The user that the request proves to be, who may write the tables. Raises LoadError."""
        found = self.credentials()
        if found is None:
            raise LoadError("no valid Basic authorization")
        access = self.logged_in()
        if access is None:
            raise LoadError(f"Access denied for {found[0]}@{self.client_address[0]}")
        if not all(access.allows_on("INSERT", db, table, TABLE) for table in tables):
            raise LoadError(INSERT_DENIED)
        return found[0]

    def _request(self, db: str, table: str, user: str) -> Request:
        log = f"http://{self.context.backend}/api/_load_error_log?file=error_log_{{}}"
        return Request(db, table, self.lowered_headers(), user, log)

    def stream_load(self, db: str, table: str) -> None:
        """PUT /api/{db}/{table}/_stream_load"""
        context = self.context
        load = StreamLoad(context.engine, context.transactions, self._request(db, table, ""), context.faults)
        body_was_read = False
        try:
            load.request = self._request(db, table, self._user(db, table))
            load.begin()
            self.connection.settimeout(float(load.options.timeout_seconds))
            load.receive(self.body())
            body_was_read = True
            load.finish()
        except LoadError as error:
            load.fail(error)
        except Exception as error:
            load.fail(LoadError(f"the embedded server failed: {type(error).__name__}: {error}"))
        finally:
            load.close()
        self._finish(load, body_was_read)

    def _finish(self, load: StreamLoad, body_was_read: bool) -> None:
        self.close_connection = self.close_connection or not body_was_read
        if load.error is None and self.context.faults.loses_reply():
            self.close_connection = True
            return
        self.answer(load.answer())
        if not body_was_read:
            self.drain()

    def transaction(self, operation: str) -> None:
        """POST|PUT /api/transaction/{begin,load,prepare,commit,rollback}"""
        headers = self.lowered_headers()
        loads = self.context.transaction_loads
        try:
            user = self._user(headers.get("db", ""), *self.tables_of(headers))
        except LoadError as error:
            self.close_connection = True
            self.answer({"Status": "INTERNAL_ERROR", "Message": str(error)})
            return
        request = self._request(headers.get("db", ""), headers.get("table", ""), user)
        if is_multi_table(headers) and operation == "load":
            self.answer(self.context.multi_table.receive(request, self.body()))
            return
        if is_multi_table(headers):
            self.close_connection = True
            self.answer({"Status": "INVALID_ARGUMENT", "Message": MULTI_REFUSED})
            return
        if operation == "load":
            self.answer(loads.load(request, self.body()))
            return
        self.small_body()
        answer = getattr(loads, operation)(request)
        if operation == "commit" and answer["Status"] == "OK" and self.context.faults.loses_reply():
            self.close_connection = True
            return
        self.answer(answer)

    def health(self) -> None:
        """GET /api/health"""
        self.answer({"status": "OK", "msg": "To Be Added"})

    def error_log(self) -> None:
        """GET /api/_load_error_log?file=: the first bad rows of a load, without authentication as on a real BE."""
        found = LOG_NAME.fullmatch(self.url.parameter("file"))
        txn = self.context.transactions.get(int(found.group(1))) if found else None
        if txn is None or not txn.info.get("tracking_log"):
            self.send_bytes(b"File Not Found", "text/plain", 404)
            return
        self.send_bytes(txn.info["tracking_log"].encode(), "text/plain; charset=utf-8")

    routes: ClassVar[tuple[Route, ...]] = (
        ("PUT", re.compile(r"/api/transaction/(load)"), transaction),
        ("POST", re.compile(r"/api/transaction/(begin|prepare|commit|rollback)"), transaction),
        ("PUT", re.compile(r"/api/([^/]+)/([^/]+)/_stream_load"), stream_load),
        ("GET", re.compile(r"/api/health"), health),
        ("GET", re.compile(r"/api/_load_error_log"), error_log),
    )


def start(server: Server) -> tuple[int, Callable[[], None]]:
    """Open the BE port of a server; give the port and the function that closes it."""
    context = context_of(server)
    port, stop = serve(BackendHandler, server.host, server.be_http_port, context)
    context.backend = f"{'127.0.0.1' if server.host in ('', '0.0.0.0', '::') else server.host}:{port}"
    return port, stop
