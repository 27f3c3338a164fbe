"""Transactions and their labels: begun, staged, prepared, committed, published, aborted, remembered.

    txn = transactions.begin("dw", "my_label", "INSERT_STREAMING")     # label None = one is made up
    txn.batches.append(batch)                                          # rows staged on the writer's cursor
    transactions.commit(txn, cursor)                                   # applies all batches, one unit of work
    transactions.prepare(txn, cursor, 86400)                           # or keeps them for a commit to come
    transactions.abort(txn, "why")                                     # or this; idempotent after commit or abort
    transactions.state("dw", "my_label")                               # UNKNOWN PREPARE PREPARED VISIBLE ABORTED ...

The record of a finished transaction (object kind `transaction`) is written in the unit of work that changes the
tables: after a crash the label is there if and only if the rows are. Running ones live in memory only, and are gone
after a restart, their labels free; PREPARED and COMMITTED ones are there again. A label of an ABORTED transaction may
be used again. Retention: age (`label_keep_max_second`) and number a database (`label_keep_max_num`), oldest first.
What lasts longer than its timeout is aborted when somebody next looks (StarRocks sweeps every 30 s).
Source: `fe/fe-core/src/main/java/com/starrocks/transaction/DatabaseTransactionMgr.java`.
"""

import contextlib
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import duckdb

from emulator import async_jobs
from emulator.errors import ANALYSIS, StarRocksError, analysis, failed
from emulator.injected_faults import InjectedFaults
from emulator.storage import kept_batches
from emulator.storage.engine import RESTORING, Engine, Unit
from emulator.storage.writing import Batch, apply

PREPARE, PREPARED, COMMITTED, VISIBLE = "PREPARE", "PREPARED", "COMMITTED", "VISIBLE"
ABORTED, UNKNOWN = "ABORTED", "UNKNOWN"
OPEN = (PREPARE, PREPARED)
TIMED_OUT = "timeout by txn manager"
PREPARED_TIMEOUT = 86400.0  # `prepared_transaction_default_timeout_second`
_LABEL = re.compile(r"[-\w]{1,128}", re.ASCII)
_PRUNE_SLACK = 50


class LabelUsed(StarRocksError):
    """The label belongs to a running or committed transaction: `transaction` is its record."""

    def __init__(self, label: str, transaction: "Transaction") -> None:
        super().__init__(1064, f"{ANALYSIS}Label [{label}] has already been used..")
        self.transaction = transaction


@dataclass
class Transaction:
    """One transaction. `source` is StarRocks' LoadJobSourceType: FRONTEND_STREAMING, BACKEND_STREAMING (Stream
    Load), INSERT_STREAMING, MULTI_STATEMENT_STREAMING. `db` is '' for an explicit one that has written nothing yet.
    Times are epoch seconds. `info` is JSON for whoever reports loads (rows, filtered, error url, tracking log ...);
    `kept` describes batches that are in the file (see emulator.storage.kept_batches)."""

    id: int
    db: str
    label: str
    source: str
    state: str = PREPARE
    begun: float = 0.0
    finished: float = 0.0
    timeout: float = 300.0
    prepared: float = 0.0
    prepared_timeout: float = PREPARED_TIMEOUT
    committed: float = 0.0
    reason: str = ""
    tables: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list, repr=False)
    applying: bool = field(default=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("batches", "applying")}

    @property
    def overdue(self) -> bool:
        """True when it has been open for longer than it may."""
        if self.applying:
            return False
        now = time.time()
        if self.state == PREPARED:
            return now > self.prepared + self.prepared_timeout
        return self.state == PREPARE and now > self.begun + self.timeout


class Transactions:
    """All transactions of one engine; `faults` may delay publishing or refuse writes."""

    def __init__(self, engine: Engine, faults: InjectedFaults | None = None) -> None:
        self._engine = engine
        self._faults = faults or InjectedFaults()
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str], Transaction] = {}
        self._by_id: dict[int, Transaction] = {}
        for body in sorted(engine.all("transaction"), key=lambda body: body["id"]):
            txn = Transaction(**body)
            txn.batches = kept_batches.restored(txn.kept)
            self._remember(txn)

    def recover(self) -> None:
        """After a start: make visible what was committed and not yet published."""
        for txn in self.all():
            if txn.state == COMMITTED:
                self._publish(txn)

    def begin(
        self, db: str, label: str | None, source: str, timeout: float = 300.0, prefix: str = "insert"
    ) -> Transaction:
        """Start one; its state is PREPARE. `db` may be '' (then the label must be new in every database).

        Raises LabelUsed, or 1064 for a label that is not 1 to 128 of letters, digits, `_`, `-`.
        """
        if label is None:
            label = f"{prefix}_{uuid.uuid1()}"
        elif not _LABEL.fullmatch(label):
            raise analysis(f"Label format error. regex: ^[-\\w]{{1,128}}$, label: {label}")
        self._end_overdue()
        with self._lock:
            used = self._using(db, label)
            if used is not None:
                raise LabelUsed(label, used)
            txn = Transaction(self._engine.next_id(), db, label, source, begun=time.time(), timeout=timeout)
            self._remember(txn)
        return txn

    def move(self, txn: Transaction, db: str) -> None:
        """Give an explicit transaction the database of its first write."""
        with self._lock:
            self._latest.pop((txn.db, txn.label), None)
            txn.db = db
            self._remember(txn)

    def prepare(self, txn: Transaction, cursor: duckdb.DuckDBPyConnection, timeout: float) -> None:
        """Keep the batches so that they survive a restart; the state is PREPARED until commit, abort or `timeout`.

        `cursor` must be the one that the stages are on. Any error aborts the transaction and is raised again.
        """
        self._claim(txn)
        try:
            with self._engine.write(cursor) as unit:
                kept = kept_batches.keep(unit, txn.id, txn.batches)
                changes = {"state": PREPARED, "prepared": time.time(), "prepared_timeout": timeout, "kept": kept}
                unit.put("transaction", txn.db, str(txn.id), txn.to_json() | changes)
        except BaseException as error:
            self._release(txn)
            self.abort(txn, str(getattr(error, "message", error)))
            raise
        vars(txn).update(changes, batches=kept_batches.restored(kept))
        self._release(txn)

    def commit(self, txn: Transaction, cursor: duckdb.DuckDBPyConnection, wait: float | None = None) -> int:
        """Apply every batch and the record in one unit of work; give the rows reported by the batches.

        `cursor` must be the one that the stages are on. Any error aborts the transaction and is raised again. When
        publishing is delayed (a fault), waits up to `wait` seconds (None: the transaction's timeout): afterwards the
        state is VISIBLE, or COMMITTED, which becomes VISIBLE by itself.
        """
        rows = sum(batch.rows for batch in txn.batches)
        self._claim(txn)
        try:
            self._faults.refuse_write()
            delay = self._faults.publish_delay
            with self._engine.write(cursor) as unit:
                if delay:
                    changes = self._kept_as_committed(unit, txn)
                else:
                    rows, changes = self._applied(unit, txn)
                forgotten = self._prune(unit, txn.db)
        except BaseException as error:
            self._release(txn)
            self.abort(txn, str(getattr(error, "message", error)))
            raise
        vars(txn).update(changes)
        self._release(txn)
        for old in forgotten:
            self.forget(old)
        if delay:
            self._publish_later(txn, delay, txn.timeout if wait is None else wait)
        return rows

    def _applied(self, unit: Unit, txn: Transaction) -> tuple[int, dict[str, Any]]:
        """Change the tables and write the record: (rows, what changes in the transaction when `unit` is committed)."""
        for batch in txn.batches:
            if self._engine.get(RESTORING, batch.table.db, batch.table.name) is not None:
                raise failed(f'Cannot write RESTORE state table "{batch.table.name}"')
        rows = sum(apply(self._engine, unit, batch) for batch in txn.batches)
        kept_batches.drop(unit, txn.kept)
        txn.info.setdefault("rows", rows)
        now = time.time()
        changes = {"state": VISIBLE, "committed": txn.committed or now, "finished": now, "kept": []}
        unit.put("transaction", txn.db, str(txn.id), txn.to_json() | changes)
        return rows, {**changes, "batches": []}

    def _kept_as_committed(self, unit: Unit, txn: Transaction) -> dict[str, Any]:
        kept = txn.kept or kept_batches.keep(unit, txn.id, txn.batches)
        changes = {"state": COMMITTED, "committed": time.time(), "kept": kept}
        unit.put("transaction", txn.db, str(txn.id), txn.to_json() | changes)
        return {**changes, "batches": kept_batches.restored(kept)}

    def _publish_later(self, txn: Transaction, delay: float, wait: float) -> None:
        """Publish after `delay` seconds in a thread; come back when it is done, or after `wait` seconds."""

        def run(job: async_jobs.Job) -> None:
            job.pause(delay)
            self._publish(txn)

        with contextlib.suppress(async_jobs.Stopped):  # else after the next start
            async_jobs.of(self._engine).start(f"publish {txn.id}", run).join(wait)

    def _publish(self, txn: Transaction) -> None:
        """Make visible what is committed; nothing of a table that was dropped or changed meanwhile."""
        cursor = self._engine.cursor()
        try:
            try:
                with self._engine.write(cursor) as unit:
                    _, changes = self._applied(unit, txn)
            except StarRocksError:
                txn.batches = []
                with self._engine.write(cursor) as unit:
                    _, changes = self._applied(unit, txn)
        finally:
            cursor.close()
        vars(txn).update(changes)

    def _claim(self, txn: Transaction) -> None:
        """Mark that the transaction is being ended, so that no timeout ends it. Raises when it has ended already."""
        with self._lock:
            if txn.overdue:
                self._give_up(txn, TIMED_OUT)
            if txn.state == ABORTED:
                raise failed(txn.reason)
            txn.applying = True

    def _release(self, txn: Transaction) -> None:
        with self._lock:
            txn.applying = False

    def abort(self, txn: Transaction, reason: str, cursor: duckdb.DuckDBPyConnection | None = None) -> None:
        """End it without effect; its label is free again. Nothing happens when it has ended already.

        With a `cursor` the ABORTED record is also written to the file; without, it is known until a restart.
        """
        with self._lock:
            if txn.state not in OPEN or txn.applying:
                return
            kept = self._give_up(txn, reason)
        if cursor is not None or kept:
            self._write_aborted(txn, cursor or self._engine.cursor(), kept)

    def _give_up(self, txn: Transaction, reason: str) -> list[dict[str, Any]]:
        kept = txn.kept
        txn.state, txn.reason, txn.finished, txn.batches, txn.kept = ABORTED, reason, time.time(), [], []
        return kept

    def _write_aborted(self, txn: Transaction, cursor: duckdb.DuckDBPyConnection, kept: list[dict[str, Any]]) -> None:
        with self._engine.write(cursor) as unit:
            kept_batches.drop(unit, kept)
            unit.put("transaction", txn.db, str(txn.id), txn.to_json())

    def _end_overdue(self) -> None:
        """Abort what has been open for too long; its kept rows are removed beside, not by who only looks."""
        with self._lock:
            overdue = [txn for txn in self._by_id.values() if txn.overdue]
            given_up = [(txn, self._give_up(txn, TIMED_OUT)) for txn in overdue]
        for txn, kept in given_up:
            if kept:
                self._write_aborted_later(txn, kept)

    def _write_aborted_later(self, txn: Transaction, kept: list[dict[str, Any]]) -> None:
        def run(_: async_jobs.Job) -> None:
            self._write_aborted(txn, self._engine.cursor(), kept)

        with contextlib.suppress(async_jobs.Stopped):  # else at the next look after a start
            async_jobs.of(self._engine).start(f"abort {txn.id}", run)

    def end_open(self, reason: str) -> None:
        """Abort every transaction that is neither prepared nor being committed: a failover loses them."""
        for txn in self.all():
            if txn.state == PREPARE:
                self.abort(txn, reason)

    def forget_labels(self, db: str | None = None) -> None:
        """Forget every finished transaction (of one database) with its label, as retention does."""
        finished = [txn for txn in self.all(db) if txn.state in (VISIBLE, ABORTED)]
        cursor = self._engine.cursor()
        with self._engine.write(cursor) as unit:
            for txn in finished:
                unit.delete("transaction", txn.db, str(txn.id))
        cursor.close()
        for txn in finished:
            self.forget(txn)

    def state(self, db: str, label: str) -> str:
        """State of the latest transaction with that label in the database."""
        found = self.find(db, label)
        return found.state if found else UNKNOWN

    def find(self, db: str, label: str) -> Transaction | None:
        """The latest transaction with that label in the database, or None."""
        self._end_overdue()
        with self._lock:
            return self._latest.get((db, label))

    def get(self, transaction_id: int) -> Transaction | None:
        """The transaction of that number, or None."""
        self._end_overdue()
        with self._lock:
            return self._by_id.get(transaction_id)

    def all(self, db: str | None = None) -> list[Transaction]:
        """Every transaction still remembered, oldest first."""
        self._end_overdue()
        with self._lock:
            return [txn for _, txn in sorted(self._by_id.items()) if db is None or txn.db == db]

    def _remember(self, txn: Transaction) -> None:
        self._latest[txn.db, txn.label] = txn
        self._by_id[txn.id] = txn

    def forget(self, txn: Transaction) -> None:
        """Leave no trace of a transaction that wrote nothing."""
        with self._lock:
            self._forget(txn)

    def _forget(self, txn: Transaction) -> None:
        self._by_id.pop(txn.id, None)
        if self._latest.get((txn.db, txn.label)) is txn:
            del self._latest[txn.db, txn.label]

    def _using(self, db: str, label: str) -> Transaction | None:
        if db:
            candidates = [self._latest.get((db, label)), self._latest.get(("", label))]
        else:
            candidates = [txn for (_, name), txn in self._latest.items() if name == label]
        return next((txn for txn in candidates if txn is not None and txn.state != ABORTED), None)

    def _prune(self, unit: Unit, db: str) -> list[Transaction]:
        """Remove the records that are too old or too many."""
        keep = int(self._engine.config("label_keep_max_num"))
        age = float(self._engine.config("label_keep_max_second"))
        with self._lock:
            finished = [txn for txn in self._by_id.values() if txn.db == db and txn.state in (VISIBLE, ABORTED)]
        if len(finished) <= keep + min(_PRUNE_SLACK, keep // 20) and not (
            finished and finished[0].finished < time.time() - age
        ):
            return []
        finished.sort(key=lambda txn: txn.finished)
        oldest_kept = time.time() - age
        gone = [txn for at, txn in enumerate(finished) if at < len(finished) - keep or txn.finished < oldest_kept]
        for txn in gone:
            unit.delete("transaction", txn.db, str(txn.id))
        return gone
