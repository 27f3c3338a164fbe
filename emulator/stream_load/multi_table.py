"""Stream Load transactions over several tables of one database: begun, committed and given up by the FE.

A load is planned by the FE and sent to the BE, which keeps its body; rows are judged at commit, all tables in one
transaction. A task keeps its label for `stream_load_task_keep_max_second`, also when it was given up, and over a
restart, which cancels what is open. There is no prepare.
Sources: fe/fe-core/src/main/java/com/starrocks/load/streamload/{StreamLoadMgr,StreamLoadMultiStmtTask}.java, recorded
exchanges in test/sql/test_stream_load/R/{test_multi_statement_txn,test_stream_load_multi_table_rollback}.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.errors import StarRocksError
from emulator.injected_faults import InjectedFaults
from emulator.storage.engine import Engine
from emulator.storage.transactions import ABORTED, LabelUsed, Transaction, Transactions
from emulator.stream_load.headers import BodyError, LoadError
from emulator.stream_load.load import Request, StreamLoad, body_path
from emulator.stream_load.received import chunks_of
from emulator.stream_load.transaction_calls import Answer, CallFailed, check, timeout_of

BEGIN, COMMITED, CANCELLED = "BEGIN", "COMMITED", "CANCELLED"
SOURCE = "MULTI_STATEMENT_STREAMING"
KIND = "multi_table_task"
COMMIT_SECONDS = 300.0  # `query_timeout` of the task's own session


@dataclass
class TableLoad:
    """What came for one table."""

    load: StreamLoad
    bodies: list[Path] = field(default_factory=list)


@dataclass
class Task:
    """One label. `ended` in epoch seconds; `txn` is None for a task of before a restart."""

    label: str
    db: str
    state: str = BEGIN
    error: str = ""
    ended: float = 0.0
    timeout: float = 0.0
    txn: Transaction | None = None
    tables: dict[str, TableLoad] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def txn_id(self) -> int:
        return self.txn.id if self.txn is not None else 0


class MultiTableLoads:
    """The tasks of one FE, and the bodies that its BE keeps for them."""

    def __init__(self, engine: Engine, transactions: Transactions, faults: InjectedFaults) -> None:
        self._engine, self._transactions, self._faults = engine, transactions, faults
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        for body in engine.all(KIND):
            task = Task(**body)
            if task.state == BEGIN:
                task.state, task.error, task.ended = CANCELLED, "cancelled after FE restart", time.time()
            self._tasks[task.label] = task

    def answer(self, operation: str, headers: Mapping[str, str], user: str) -> Answer | None:
        """What the FE answers; None = the load goes on to the BE. Raises CallFailed."""
        check(headers, self._engine)
        if operation == "begin":
            return self._begin(headers)
        if operation not in ("load", "commit", "rollback"):
            raise CallFailed(f"Unsupported operation: TXN_{operation.upper()}")
        task = self._task(headers["label"])
        with task.lock:
            if operation == "load":
                return self._plan(task, headers, user)
            return self._commit(task) if operation == "commit" else self._rollback(task)

    def receive(self, request: Request, chunks: Iterable[bytes]) -> Answer:
        """What the BE answers to a load that the FE has planned: the body is kept."""
        label = request.headers.get("label", "")
        task = self._tasks.get(label)
        found = task.tables.get(request.table) if task is not None and task.db == request.db else None
        start, size = time.monotonic(), 0
        if task is None or task.state != BEGIN or found is None:
            for _ in chunks:
                pass
            return {"Status": "TXN_NOT_EXISTS", "Message": f"Transaction with label {label} not exists"}
        path = body_path(self._engine)
        found.bodies.append(path)
        try:
            with path.open("wb") as file:
                for chunk in chunks:
                    size += file.write(chunk)
        except (BodyError, OSError) as error:
            self._cancel(task, str(error))
            return {"Status": "INTERNAL_ERROR", "Message": str(error)}
        spent = int((time.monotonic() - start) * 1000)
        head = {"Status": "OK", "Message": "", "Db": request.db, "Table": request.table, "Label": label}
        return {**head, "TxnId": task.txn_id, "LoadBytes": size, "StreamLoadPlanTimeMs": 0, "ReceivedDataTimeMs": spent}

    def fail_over(self) -> None:
        """Cancel every open task, as a new leader does."""
        for task in list(self._tasks.values()):
            if task.state == BEGIN:
                self._cancel(task, "cancelled after FE restart")

    # -- private --------------------------------------------------------------------------------------------------

    def _begin(self, headers: Mapping[str, str]) -> Answer:
        label, db = headers["label"], headers["db"]
        with self._lock:
            self._forget_old()
            task = self._tasks.get(label)
            if task is not None:
                return _used(task)
            try:
                txn = self._transactions.begin(db, label, SOURCE, timeout_of(headers))
            except LabelUsed as error:
                state = error.transaction.state
                message = f"Label [{label}] has already been used."
                return {"Db": db, "ExistingJobStatus": state, "Status": "LABEL_ALREADY_EXISTS", "Message": message}
            except StarRocksError as error:
                raise CallFailed(error.message) from error
            self._tasks[label] = task = Task(label, db, timeout=txn.timeout, txn=txn)
        self._save(task)
        return {"Status": "OK", "Message": ""}

    def _task(self, label: str) -> Task:
        task = self._tasks.get(label)
        if task is None:
            raise CallFailed(f"stream load task {label} does not exist")
        txn = self._transactions.get(task.txn_id)
        if task.state == BEGIN and (txn is None or txn.state == ABORTED):
            timed_out = f"transaction timeout after {task.timeout * 1000:.0f}ms"
            self._cancel(task, timed_out if time.time() > (txn.begun if txn else 0) + task.timeout else txn_reason(txn))
        return task

    def _plan(self, task: Task, headers: Mapping[str, str], user: str) -> Answer | None:
        db, name = headers["db"], headers.get("table", "")
        if task.db != db:
            raise self._failed(task, f"Request database {db} not equal transaction database {task.db}")
        if task.state != BEGIN:
            ending = "cancelled: " + task.error if task.state == CANCELLED else task.state.lower()
            return {"Status": "FAILED", "Message": f"stream load task {task.label} has already been {ending}"}
        if name in task.tables:
            return None
        if self._engine.get("table", db, name) is None:
            text = f"Failed to find table {name} in db {db}"
            raise self._failed(task, text, "class com.starrocks.common.MetaNotFoundException")
        error_url = ""  # the BE's, not known here; lines are in load_tracking_logs
        load = StreamLoad(
            self._engine, self._transactions, Request(db, name, headers, user, error_url), self._faults, task.txn
        )
        try:
            load.plan_for(self._engine.table(db, name))
        except (LoadError, StarRocksError) as error:
            load.close()
            self._cancel(task, str(getattr(error, "message", error)))
            return {"Status": "FAILED", "Message": task.error}
        task.tables[name] = TableLoad(load)
        assert task.txn is not None
        task.txn.tables.append(name)
        return None

    def _failed(self, task: Task, message: str, *kind: str) -> CallFailed:
        """The answer to a load that cannot be: the whole transaction is given up."""
        if task.state == BEGIN:
            self._cancel(task, message)
        return CallFailed(message, *kind)

    def _commit(self, task: Task) -> Answer:
        txn = task.txn
        if task.state == COMMITED:
            message = f"Transaction {task.txn_id} has already committed, label is {task.label}"
            return {"Label": task.label, "Status": "OK", "TxnId": task.txn_id, "Message": message}
        if task.state == CANCELLED or txn is None:
            text = f"Can not commit CANCELLED transaction {task.txn_id}, label is {task.label}"
            return {"Status": "FAILED", "Message": text}
        answer: Answer = {"Status": "OK", "Message": ""}
        if task.tables:
            try:
                self._write(task, txn)
            except (LoadError, StarRocksError, OSError) as error:
                message = str(getattr(error, "message", error))
                self._cancel(task, message)
                return {"Status": "FAILED", "Message": message}
            answer = {
                "Label": task.label,
                "TxnId": txn.id,
                "ChannelId": 0,
                "Prepared Channel Num": 1,
                **answer,
            }
        else:
            self._transactions.forget(txn)
        self._end(task, COMMITED)
        return answer

    def _write(self, task: Task, txn: Transaction) -> None:
        """Judge the rows of every table, then apply all of them in one unit of work."""
        cursor = self._engine.cursor()
        try:
            for each in task.tables.values():
                each.load.use(cursor)
                each.load.receive_parts([chunks_of(path) for path in each.bodies])
                stage = each.load.stage()
                each.load.check("abnormal data more than max filter rate, tracking_url: ")
                each.load.add(stage)
            self._transactions.commit(txn, cursor, COMMIT_SECONDS)
        except LoadError:
            self._transactions.abort(txn, "commit failed", cursor)
            raise
        finally:
            cursor.close()

    def _rollback(self, task: Task) -> Answer:
        if task.state == COMMITED:
            text = f"Can not abort VISIBLE transaction {task.txn_id}, label is {task.label}"
            return {"Status": "FAILED", "Message": text}
        if task.state == CANCELLED:
            message = f"Transaction {task.txn_id} has already aborted, label is {task.label}"
            return {"Label": task.label, "Status": "OK", "TxnId": task.txn_id, "Message": message}
        self._cancel(task, "manual abort")
        return {"Status": "OK", "Message": f"stream load {task.label} abort"}

    def _cancel(self, task: Task, reason: str) -> None:
        if task.txn is not None:
            self._transactions.abort(task.txn, reason)
        task.error = reason
        self._end(task, CANCELLED)

    def _end(self, task: Task, state: str) -> None:
        for each in task.tables.values():
            each.load.close()
            for path in each.bodies:
                path.unlink(missing_ok=True)
        task.state, task.ended, task.tables = state, time.time(), {}
        self._save(task)

    def _save(self, task: Task) -> None:
        body = {"label": task.label, "db": task.db, "state": task.state, "error": task.error, "ended": task.ended}
        self._write_objects({task.label: body})

    def _forget_old(self) -> None:
        oldest = time.time() - float(self._engine.config("stream_load_task_keep_max_second"))
        old = [task.label for task in self._tasks.values() if task.state != BEGIN and task.ended < oldest]
        for label in old:
            del self._tasks[label]
        if old:
            self._write_objects(dict.fromkeys(old))

    def _write_objects(self, bodies: Mapping[str, Mapping[str, Any] | None]) -> None:
        cursor = self._engine.cursor()
        try:
            with self._engine.write(cursor) as unit:
                for label, body in bodies.items():
                    if body is None:
                        unit.delete(KIND, "", label)
                    else:
                        unit.put(KIND, "", label, body)
        finally:
            cursor.close()


def txn_reason(txn: Transaction | None) -> str:
    """Why a transaction was aborted by somebody else."""
    return txn.reason if txn is not None else "transaction is gone"


def _used(task: Task) -> Answer:
    if task.state == BEGIN or task.state == CANCELLED:
        message = f"Transaction already started with label [{task.label}], txnId: {task.txn_id}"
        found: Answer = {"ExistingJobStatus": task.state, "TxnId": task.txn_id}
    else:
        message, found = f"Label [{task.label}] has already been used.", {"ExistingJobStatus": task.state}
    return {**found, "Status": "LABEL_ALREADY_EXISTS", "Message": message}
