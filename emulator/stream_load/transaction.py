"""The Stream Load transaction interface for one table: begin, load ..., prepare, commit, rollback.

The body of each `load` is kept in the spool; rows are judged at prepare, or at commit when nothing was prepared.
Unlike StarRocks, a prepared transaction does not survive a restart of this server.
Sources: be/src/http/action/transaction_stream_load.cpp, recorded exchanges in test/sql/test_stream_load/.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.errors import StarRocksError
from emulator.storage.engine import Engine
from emulator.storage.transactions import ABORTED, PREPARE, VISIBLE, LabelUsed, Transaction, Transactions
from emulator.stream_load.headers import BodyError, LoadError
from emulator.stream_load.load import Request, StreamLoad, body_path

PREPARED = "PREPARED"
DEFAULT_TIMEOUT = 600.0
READ_BYTES = 1 << 20
IGNORED = ("skip_header", "trim_space", "enclose", "escape", "log_rejected_record_num")
COMPARED = ("db", "table", "format", "columns", "where", "column_separator", "row_delimiter", "jsonpaths", "json_root")
Answer = dict[str, Any]


@dataclass
class Open:
    """A transaction that is neither committed nor rolled back."""

    txn: Transaction
    db: str
    table: str
    began: float
    load: StreamLoad | None = None
    bodies: list[Path] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    stage: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Refused(Exception):
    """An answer other than OK: a thrift status name and its message."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class TransactionLoads:
    """The open transactions of one BE."""

    def __init__(self, engine: Engine, transactions: Transactions) -> None:
        self._engine, self._transactions = engine, transactions
        self._open: dict[tuple[str, str], Open] = {}
        self._lock = threading.Lock()

    def begin(self, request: Request) -> Answer:
        """Take the label."""
        label = request.headers.get("label", "")
        try:
            table = self._engine.table(request.db, request.table)
            timeout = float(request.headers.get("timeout") or DEFAULT_TIMEOUT)
            txn = self._transactions.begin(request.db, label, "BACKEND_STREAMING", timeout)
        except LabelUsed as error:
            existing = "RUNNING" if error.transaction.state in (PREPARE, PREPARED) else "FINISHED"
            message = f"Label [{label}] has already been used."
            return {"Status": "LABEL_ALREADY_EXISTS", "ExistingJobStatus": existing, "Message": message}
        except StarRocksError as error:
            return {"Status": "INTERNAL_ERROR", "Message": error.message}
        txn.tables = [table.name]
        txn.info = {"type": "STREAM", "table": table.name, "user": request.user}
        with self._lock:
            self._open[request.db, label] = Open(txn, request.db, table.name, time.monotonic())
        return {**_head(request, "OK", ""), "Label": label, "TxnId": txn.id, "BeginTxnTimeMs": 0}

    def load(self, request: Request, chunks: Iterable[bytes]) -> Answer:
        """Keep one body. Headers that StarRocks ignores here are ignored here."""
        return self._guarded(request, lambda: self._load(request, chunks))

    def prepare(self, request: Request) -> Answer:
        """Judge the rows; from now on only commit or rollback is left."""
        return self._guarded(request, lambda: self._prepare(request))

    def commit(self, request: Request) -> Answer:
        """Make the rows visible. Committing twice is no error."""
        return self._guarded(request, lambda: self._commit(request))

    def rollback(self, request: Request) -> Answer:
        """Forget everything. Rolling back twice is no error, after a commit it is."""
        found = self._transactions.find(request.db, request.headers.get("label", ""))
        if found is not None and found.state == VISIBLE:
            return _head(request, "FAILED", f"Transaction {found.id} has already committed, label is {found.label}")
        opened = self._open.get((request.db, request.headers.get("label", "")))
        if opened is not None:
            self._abort(opened, "transaction is aborted by user.")
        return {**_head(request, "OK", ""), "Label": request.headers.get("label", "")}

    # -- private --------------------------------------------------------------------------------------------------

    def _guarded(self, request: Request, act: Callable[[], Answer]) -> Answer:
        try:
            return act()
        except Refused as error:
            return _head(request, error.status, str(error))

    def _find(self, request: Request) -> Open:
        label = request.headers.get("label", "")
        opened = self._open.get((request.db, label))
        if opened is None or opened.txn.state == ABORTED:
            raise Refused("TXN_NOT_EXISTS", f"transaction with label {label} not exists")
        if time.monotonic() - opened.began > opened.txn.timeout and opened.txn.state == PREPARE:
            self._abort(opened, "timeout by txn manager")
            raise Refused("TXN_NOT_EXISTS", f"transaction with label {label} timed out")
        if not opened.lock.acquire(blocking=False):
            raise Refused("TXN_IN_PROCESSING", "Transaction in processing, please retry later")
        opened.lock.release()
        return opened

    def _load(self, request: Request, chunks: Iterable[bytes]) -> Answer:
        try:
            opened = self._find(request)
        except Refused:
            for _ in chunks:
                pass
            raise
        with opened.lock:
            if opened.txn.state == PREPARED:
                raise Refused("TXN_NOT_EXISTS", "the transaction is prepared, it takes no more data")
            start = time.monotonic()
            size = self._keep(opened, chunks)
            self._plan(opened, request)
            spent = int((time.monotonic() - start) * 1000)
        return {
            **_head(request, "OK", ""),
            "Label": opened.txn.label,
            "TxnId": opened.txn.id,
            "LoadBytes": size,
            "StreamLoadPlanTimeMs": 0,
            "ReceivedDataTimeMs": spent,
        }

    def _keep(self, opened: Open, chunks: Iterable[bytes]) -> int:
        path = body_path(self._engine)
        opened.bodies.append(path)
        try:
            with path.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except BodyError as error:
            self._abort(opened, str(error))
            raise Refused("INTERNAL_ERROR", str(error)) from error
        return path.stat().st_size

    def _plan(self, opened: Open, request: Request) -> None:
        headers = {name: value for name, value in request.headers.items() if name not in IGNORED}
        compared = {name: headers.get(name, "") for name in COMPARED}
        if opened.load is not None:
            if compared != opened.headers:
                self._abort(opened, "load request not equal last.")
                raise Refused("INTERNAL_ERROR", "load request not equal last.")
            return
        load = StreamLoad(
            self._engine,
            self._transactions,
            Request(request.db, request.table, headers, request.user, request.error_url),
        )
        load.txn = opened.txn
        try:
            load.plan_for(self._engine.table(request.db, request.table))
        except (LoadError, StarRocksError) as error:
            load.close()
            self._abort(opened, str(error))
            raise Refused("ANALYSIS_ERROR", str(error)) from error
        opened.load, opened.headers = load, compared

    def _prepare(self, request: Request) -> Answer:
        opened = self._find(request)
        with opened.lock:
            if opened.txn.state != PREPARED:
                self._judge(opened)
                opened.txn.state = PREPARED
        assert opened.load is not None
        return {**_head(request, "OK", ""), "Label": opened.txn.label, **opened.load.summary()}

    def _judge(self, opened: Open) -> None:
        load = opened.load
        if load is None:
            raise Refused("INTERNAL_ERROR", f"transaction with label {opened.txn.label} hasn't send any data yet")
        try:
            load.receive_parts([_chunks(path) for path in opened.bodies])
            opened.stage = load.stage()
            load.check()
        except (LoadError, StarRocksError) as error:
            load.fail(LoadError(str(error)))
            self._close(opened)
            raise Refused("INTERNAL_ERROR", str(error)) from error

    def _commit(self, request: Request) -> Answer:
        label = request.headers.get("label", "")
        found = self._transactions.find(request.db, label)
        if found is not None and found.state == VISIBLE:
            message = f"Transaction {found.id} has already committed, label is {label}"
            return {"Label": label, "Status": "OK", "TxnId": found.id, "Message": message}
        if found is not None and found.state == ABORTED:
            raise Refused(
                "FAILED", f"Transaction {found.id} has already aborted, label is {label}, reason: {found.reason}"
            )
        opened = self._find(request)
        with opened.lock:
            if opened.txn.state != PREPARED:
                self._judge(opened)
            assert opened.load is not None
            opened.txn.state = PREPARE
            try:
                opened.load.commit(opened.stage)
            except LoadError as error:
                self._close(opened)
                raise Refused("FAILED", str(error)) from error
        summary = {"Label": label, "Status": "OK", "TxnId": opened.txn.id, "Message": "", **opened.load.summary()}
        self._close(opened)
        return summary

    def _abort(self, opened: Open, reason: str) -> None:
        if opened.txn.state == PREPARED:
            opened.txn.state = PREPARE
        self._transactions.abort(opened.txn, reason)
        self._close(opened)

    def _close(self, opened: Open) -> None:
        with self._lock:
            self._open.pop((opened.db, opened.txn.label), None)
        if opened.load is not None:
            opened.load.close()
        for path in opened.bodies:
            path.unlink(missing_ok=True)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk


def _head(request: Request, status: str, message: str) -> Answer:
    return {"Status": status, "Message": message, "Db": request.db, "Table": request.table}
