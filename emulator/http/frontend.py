"""The FE's HTTP port: redirects loads to the BE, tells the state of labels, health.

Sources: fe/fe-core/src/main/java/com/starrocks/http/rest/ LoadAction, RestBaseAction, GetStreamLoadState,
CancelStreamLoadAction, TransactionLoadAction, HealthAction, BootstrapFinishAction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.errors import StarRocksError
from emulator.http.handler import Handler, Route, context_of, serve
from emulator.storage.transactions import PREPARE

if TYPE_CHECKING:
    from emulator.server import Server

DDL_EXCEPTION = "class com.starrocks.common.DdlException"
EXCEPTION = "class com.starrocks.common.StarRocksException"


class FrontendHandler(Handler):
    """One request to the FE port."""

    def _authorized(self) -> str | None:
        """The user, or None after a 401 was sent (lower-case keys, as the FE words it)."""
        found = self.credentials()
        if found is not None and self.context.authenticate(*found):
            return found[0]
        self.close_connection = True
        text = f"Access denied for {found[0]}@{self.client_address[0]}" if found else "Need auth information."
        body = {"status": "FAILED", "code": "1", "msg": text, "message": text}
        self.answer(body, 401, {"WWW-Authenticate": 'Basic realm=""'})
        return None

    def _failed(self, message: str, kind: str = DDL_EXCEPTION) -> None:
        self.answer({"Status": "FAILED", "Message": f"{kind}: {message}"})

    def _redirect(self) -> None:
        """307 to the same path and query on the BE; the connection is closed."""
        self.close_connection = True
        target = self.context.faults.redirect_to or self.context.backend
        self.send_bytes(b"", "text/html", 307, {"Location": f"http://{target}{self.path}"})

    def stream_load(self, _db: str, _table: str) -> None:
        """PUT /api/{db}/{table}/_stream_load"""
        self.close_connection = True
        if self._authorized() is None:
            return
        if self.request_version >= "HTTP/1.1" and not self.expects_continue():
            self._failed("There is no 100-continue header")
            self.drain()
            return
        self._redirect()

    def load_state(self, db: str) -> None:
        """GET /api/{db}/get_load_state?label="""
        if self._authorized() is None:
            return
        label = self.url.parameter("label")
        if not label:
            self._bad("No label selected.")
            return
        if self.context.engine.get("database", "", db) is None:
            self._bad(f"unknown database, database={db}")
            return
        found = self.context.transactions.find(db, label)
        state, reason = (found.state, found.reason) if found else ("UNKNOWN", "")
        self.answer({"state": state, "reason": reason, **_success()})

    def cancel(self, db: str, _table: str) -> None:
        """POST /api/{db}/{table}/_cancel?label="""
        if self._authorized() is None:
            return
        label = self.url.parameter("label")
        if not label:
            self._bad("No label specified")
            return
        found = self.context.transactions.find(db, label)
        if found is None or found.state != PREPARE:
            self._bad(f"cancel stream load failed: label {label} has no running transaction in database {db}")
            return
        self.context.transactions.abort(found, "user cancel")
        self.answer(_success())

    def transaction(self, operation: str) -> None:
        """POST|PUT /api/transaction/{begin,load,prepare,commit,rollback}: to the BE that has the label."""
        self.close_connection = True
        if self._authorized() is None:
            return
        headers = self.lowered_headers()
        message = self._transaction_fault(operation, headers)
        if message:
            self._failed(message, EXCEPTION)
            self.drain()
            return
        self._redirect()

    def _transaction_fault(self, operation: str, headers: dict[str, str]) -> str:
        if headers.get("transaction_type", "").lower() == "multi" or headers.get("source_type") == "12":
            return "multi-table Stream Load transactions are not supported by the embedded server"
        for name in ("db", "label", "table") if operation in ("begin", "load") else ("db", "label"):
            if not headers.get(name):
                return (
                    f"Must provide {name} when {operation} a transaction" if name != "db" else "No database selected."
                )
        try:
            self.context.engine.database(headers["db"])
        except StarRocksError:
            return f"Database {headers['db']} does not exist"
        if operation != "begin" and self.context.transactions.find(headers["db"], headers["label"]) is None:
            return f"No transaction found by label {headers['label']}"
        return ""

    def health(self) -> None:
        """GET /api/health"""
        self.answer({"online_backend_num": 1, "total_backend_num": 1, "status": "OK"})

    def bootstrap(self) -> None:
        """GET /api/bootstrap"""
        self.answer({"replayedJournalId": 0, "queryPort": 0, "rpcPort": 0, "status": "OK", "msg": "Success"})

    def faults(self) -> None:
        """POST /api/_faults: only on a server that was started with faults enabled."""
        if not self.context.faults.enabled:
            self.answer({"status": "FAILED", "msg": "faults are off; start the server with --faults"}, 404)
            return
        try:
            wanted: dict[str, Any] = json.loads(self.small_body() or b"{}")
            self.context.faults.set(wanted)
        except ValueError as error:
            self._bad(str(error))
            return
        self.answer(_success())

    def _bad(self, message: str) -> None:
        self.answer({"status": "FAILED", "code": "1", "msg": message, "message": message})

    routes: ClassVar[tuple[Route, ...]] = (
        ("PUT", re.compile(r"/api/transaction/(load)"), transaction),
        ("POST", re.compile(r"/api/transaction/(begin|prepare|commit|rollback)"), transaction),
        ("PUT", re.compile(r"/api/([^/]+)/([^/]+)/_stream_load"), stream_load),
        ("GET", re.compile(r"/api/([^/]+)/get_load_state"), load_state),
        ("POST", re.compile(r"/api/([^/]+)/([^/]+)/_cancel"), cancel),
        ("GET", re.compile(r"/api/health"), health),
        ("GET", re.compile(r"/api/bootstrap"), bootstrap),
        ("POST", re.compile(r"/api/_faults"), faults),
    )


def _success() -> dict[str, str]:
    return {"status": "OK", "code": "0", "msg": "Success", "message": "OK"}


def start(server: Server) -> tuple[int, Callable[[], None]]:
    """Open the FE port of a server; give the port and the function that closes it."""
    return serve(FrontendHandler, server.host, server.http_port, context_of(server))
