"""The Stream Load transaction interface for one table, as the BE does it: begin, load ..., prepare, commit, rollback.

The body of each `load` is kept in the spool; rows are judged at prepare, or at commit when nothing was prepared. What
is prepared is out of the BE's hands: the FE commits it or gives it up (emulator.stream_load.transaction_calls).
Sources: be/src/http/action/transaction_stream_load.cpp, be/src/runtime/stream_load/transaction_mgr.cpp, recorded
exchanges in test/sql/test_stream_load/R/{test_stream_load_basic_txn,test_prepared_timeout}.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.errors import StarRocksError
from emulator.injected_faults import InjectedFaults
from emulator.storage.engine import Engine
from emulator.storage.transactions import (
    COMMITTED,
    OPEN,
    PREPARE,
    PREPARED_TIMEOUT,
    LabelUsed,
    Transaction,
    Transactions,
)
from emulator.stream_load.headers import BodyError, LoadError
from emulator.stream_load.load import Request, StreamLoad, body_path
from emulator.stream_load.received import chunks_of

DEFAULT_TIMEOUT = 600.0
IGNORED = ("skip_header", "trim_space", "enclose", "escape", "log_rejected_record_num")
COMPARED = ("db", "table", "format", "columns", "where", "column_separator", "row_delimiter", "jsonpaths", "json_root")
Answer = dict[str, Any]


@dataclass
class Open:
    """A transaction between begin and prepare, commit or rollback."""

    txn: Transaction
    db: str
    table: str
    idle_timeout: float | None = None
    active: float = field(default_factory=time.monotonic)
    load: StreamLoad | None = None
    bodies: list[Path] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Refused(Exception):
    """An answer other than OK: a thrift status name and its message."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class TransactionLoads:
    """The open transactions of one BE."""

    def __init__(self, engine: Engine, transactions: Transactions, faults: InjectedFaults | None = None) -> None:
        self._engine, self._transactions = engine, transactions
        self._faults = faults
        self._open: dict[tuple[str, str], Open] = {}
        self._lock = threading.Lock()

    def begin(self, request: Request) -> Answer:
        """Take the label."""
        label = request.headers.get("label", "")
        try:
            timeout = _seconds(request.headers, "timeout", "Invalid timeout format") or DEFAULT_TIMEOUT
            idle = _seconds(request.headers, "idle_transaction_timeout", "Invalid timeout format")
            table = self._engine.table(request.db, request.table)
            txn = self._transactions.begin(request.db, label, "BACKEND_STREAMING", timeout)
        except LabelUsed as error:
            existing = "RUNNING" if error.transaction.state in OPEN else "FINISHED"
            message = f"Label [{label}] has already been used."
            return {**_head(request, "LABEL_ALREADY_EXISTS", message), "ExistingJobStatus": existing}
        except Refused as error:
            return _head(request, error.status, str(error))
        except StarRocksError as error:
            return _head(request, "INTERNAL_ERROR", error.message)
        txn.tables = [table.name]
        txn.info = {"type": "STREAM", "table": table.name, "user": request.user}
        with self._lock:
            self._open[request.db, label] = Open(txn, request.db, table.name, idle)
        return {**_head(request, "OK", ""), "Label": label, "TxnId": txn.id, "BeginTxnTimeMs": 0}

    def load(self, request: Request, chunks: Iterable[bytes]) -> Answer:
        """Keep one body. Headers that StarRocks ignores here are ignored here."""
        return self._guarded(request, lambda: self._load(request, chunks))

    def prepare(self, request: Request) -> Answer:
        """Judge the rows and keep them, also over a restart; the FE commits them or gives them up."""
        return self._guarded(request, lambda: self._prepare(request))

    def commit(self, request: Request) -> Answer:
        """Judge the rows and make them visible."""
        return self._guarded(request, lambda: self._commit(request))

    def rollback(self, request: Request) -> Answer:
        """Forget everything."""
        return self._guarded(request, lambda: self._rollback(request))

    # -- private --------------------------------------------------------------------------------------------------

    def _guarded(self, request: Request, act: Callable[[], Answer]) -> Answer:
        try:
            return act()
        except Refused as error:
            return _head(request, error.status, str(error))

    def _find(self, request: Request) -> Open:
        label = request.headers.get("label", "")
        opened = self._open.get((request.db, label))
        missing = f"transaction with label {label} not exists"
        if opened is None:
            raise Refused("TXN_NOT_EXISTS", missing)
        if opened.idle_timeout is not None and time.monotonic() - opened.active > opened.idle_timeout:
            reason = f"transaction is aborted by idle timeout {opened.idle_timeout:g} seconds."
            self._transactions.abort(opened.txn, reason)
        now = self._transactions.get(opened.txn.id)
        if now is None or now.state != PREPARE:
            self._close(opened)
            raise Refused("TXN_NOT_EXISTS", missing)
        if not opened.lock.acquire(blocking=False):
            raise Refused("TXN_IN_PROCESSING", "Transaction in processing, please retry later")
        opened.lock.release()
        opened.active = time.monotonic()
        return opened

    def _load(self, request: Request, chunks: Iterable[bytes]) -> Answer:
        try:
            opened = self._find(request)
        except Refused:
            for _ in chunks:
                pass
            raise
        if request.table != opened.table:
            message = f"Request table {request.table} not equal transaction table {opened.table}"
            raise Refused("INVALID_ARGUMENT", message)
        with opened.lock:
            start = time.monotonic()
            size = self._keep(opened, chunks)
            self._plan(opened, request)
            spent = int((time.monotonic() - start) * 1000)
        numbers = {"LoadBytes": size, "StreamLoadPlanTimeMs": 0, "ReceivedDataTimeMs": spent}
        return {**_head(request, "OK", ""), "Label": opened.txn.label, "TxnId": opened.txn.id, **numbers}

    def _keep(self, opened: Open, chunks: Iterable[bytes]) -> int:
        path = body_path(self._engine)
        opened.bodies.append(path)
        try:
            with path.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
        except (BodyError, OSError) as error:
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
            self._faults,
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
        text = request.headers.get("prepared_timeout", "")
        timeout = _seconds(request.headers, "prepared_timeout", f"Invalid prepared_timeout: {text}")
        return self._end(request, lambda load, stage: load.prepare(stage, timeout or PREPARED_TIMEOUT))

    def _commit(self, request: Request) -> Answer:
        return self._end(request, lambda load, stage: load.commit(stage))

    def _end(self, request: Request, act: Callable[[StreamLoad, str], None]) -> Answer:
        opened = self._find(request)
        with opened.lock:
            load = opened.load
            if load is None:
                raise Refused("INTERNAL_ERROR", f"transaction label={opened.txn.label} hasn't send any data yet")
            try:
                load.receive_parts([chunks_of(path) for path in opened.bodies])
                stage = load.stage()
                load.check()
                act(load, stage)
            except (LoadError, StarRocksError, OSError) as error:
                load.fail(LoadError(str(error)))
                raise Refused("INTERNAL_ERROR", str(error)) from error
            finally:
                self._close(opened)
        late = opened.txn.state == COMMITTED
        head = _head(request, "PUBLISH_TIMEOUT" if late else "OK", load.late_message if late else "")
        return {**head, "Label": opened.txn.label, **load.summary()}

    def _rollback(self, request: Request) -> Answer:
        opened = self._find(request)
        self._abort(opened, "transaction is aborted by user.")
        return {**_head(request, "OK", ""), "Label": opened.txn.label}

    def _abort(self, opened: Open, reason: str) -> None:
        self._transactions.abort(opened.txn, reason)
        self._close(opened)

    def _close(self, opened: Open) -> None:
        with self._lock:
            self._open.pop((opened.db, opened.txn.label), None)
        if opened.load is not None:
            opened.load.close()
        for path in opened.bodies:
            path.unlink(missing_ok=True)


def _seconds(headers: Mapping[str, str], name: str, malformed: str) -> float | None:
    """A whole number of seconds above zero; None when the header is not there. Raises Refused."""
    text = headers.get(name, "").strip()
    if not text:
        return None
    if not text.isdigit() or int(text) == 0:
        raise Refused("INVALID_ARGUMENT", malformed)
    return float(text)


def _head(request: Request, status: str, message: str) -> Answer:
    return {"Status": status, "Message": message, "Db": request.db, "Table": request.table}
