"""The FE's HTTP port: redirects loads to the BE, tells the state of labels, health.

Sources: fe/fe-core/src/main/java/com/starrocks/http/rest/ LoadAction, RestBaseAction, GetStreamLoadState,
CancelStreamLoadAction, TransactionLoadAction, HealthAction, BootstrapFinishAction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.errors import StarRocksError
from emulator.http.handler import Handler, Route, context_of, serve
from emulator.people.access import Access
from emulator.people.privileges import TABLE
from emulator.storage.transactions import PREPARE
from emulator.stream_load import transaction_calls

if TYPE_CHECKING:
    from emulator.server import Server

DDL_EXCEPTION = "class com.starrocks.common.DdlException"
NO_BACKEND = "No backend alive."


class FrontendHandler(Handler):
    """One request to the FE port."""

    def _authorized(self, db: str = "", *tables: str) -> Access | None:
        """Who asks, with INSERT on the tables, or None after a 401 was sent (lower-case keys, as the FE words it)."""
        access, found = self.logged_in(), self.credentials()
        if access is not None and all(access.allows_on("INSERT", db, table, TABLE) for table in tables):
            return access
        self.close_connection = True
        text = f"Access denied for {found[0]}@{self.client_address[0]}" if found else "Need auth information."
        if access is not None:
            text = f"Access denied for user {access.identity}. {access.hint('[]')}"
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

    def stream_load(self, db: str, table: str) -> None:
        """PUT /api/{db}/{table}/_stream_load"""
        self.close_connection = True
        if self._authorized() is None:
            return
        if self.request_version >= "HTTP/1.1" and not self.expects_continue():
            self._failed("There is no 100-continue header")
            self.drain()
            return
        if self.context.faults.backend_gone:
            self._failed(NO_BACKEND)
            self.drain()
            return
        if self._authorized(db, table) is not None:
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

    def cancel(self, db: str, table: str) -> None:
        """POST /api/{db}/{table}/_cancel?label="""
        if self._authorized(db, table) is None:
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
        """POST|PUT /api/transaction/{begin,load,prepare,commit,rollback}: answered, or sent to the BE."""
        self.close_connection = True
        context, headers = self.context, self.lowered_headers()
        access = self._authorized(headers.get("db", ""), *self.tables_of(headers))
        if access is None:
            return
        try:
            if transaction_calls.is_multi_table(headers):
                answer = context.multi_table.answer(operation, headers, access.login)
            else:
                answer = transaction_calls.answer(operation, headers, context.engine, context.transactions)
        except transaction_calls.CallFailed as error:
            answer = {"Status": "FAILED", "Message": str(error)}
        if answer is None and context.faults.backend_gone:
            answer = {"Status": "FAILED", "Message": f"{DDL_EXCEPTION}: {NO_BACKEND}"}
        if answer is None:
            self._redirect()
            return
        if answer["Status"] == "OK" and operation == "commit" and context.faults.loses_reply():
            return
        self.answer(answer)
        self.drain()

    def health(self) -> None:
        """GET /api/health"""
        self.answer({"online_backend_num": 1, "total_backend_num": 1, "status": "OK"})

    def bootstrap(self) -> None:
        """GET /api/bootstrap"""
        self.answer({"replayedJournalId": 0, "queryPort": 0, "rpcPort": 0, "status": "OK", "msg": "Success"})

    def faults(self) -> None:
        """GET|POST|DELETE /api/_faults: this machine's only, on a server that was started with faults enabled."""
        if not self.context.faults.enabled:
            self.answer({"status": "FAILED", "msg": "faults are off; start the server with --faults"}, 404)
            return
        if not ip_address(self.client_address[0]).is_loopback:
            self.answer({"status": "FAILED", "msg": "faults are set from the server's own machine only"}, 403)
            return
        try:
            if self.command == "POST":
                wanted: dict[str, Any] = json.loads(self.small_body() or b"{}")
                self.context.faults.set(wanted)
        except (ValueError, StarRocksError) as error:
            self._bad(str(error))
            return
        if self.command == "DELETE":
            self.context.faults.clear()
        self.answer({**_success(), "faults": self.context.faults.shown()})

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
        ("GET", re.compile(r"/api/_faults"), faults),
        ("POST", re.compile(r"/api/_faults"), faults),
        ("DELETE", re.compile(r"/api/_faults"), faults),
    )


def _success() -> dict[str, str]:
    return {"status": "OK", "code": "0", "msg": "Success", "message": "OK"}


def start(server: Server) -> tuple[int, Callable[[], None]]:
    """Open the FE port of a server; give the port and the function that closes it."""
    return serve(FrontendHandler, server.host, server.http_port, context_of(server))
