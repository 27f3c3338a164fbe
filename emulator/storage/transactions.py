"""Transactions and their labels: begun, staged, committed, aborted, remembered.

    txn = transactions.begin("dw", "my_label", "INSERT_STREAMING")     # label None = one is made up
    txn.batches.append(batch)                                          # rows staged on the writer's cursor
    transactions.commit(txn, cursor)                                   # applies all batches, one unit of work
    transactions.abort(txn, "why")                                     # or this; idempotent after commit or abort
    transactions.state("dw", "my_label")                               # UNKNOWN PREPARE VISIBLE ABORTED ...

The record of a finished transaction (object kind `transaction`) is written in the unit of work that changes the
tables: after a crash the label is there if and only if the rows are. Running ones live in memory only, and are gone
after a restart, their labels free. A label of an ABORTED transaction may be used again. Retention: age
(`label_keep_max_second`) and number a database (`label_keep_max_num`), oldest first.
Source: `fe/fe-core/src/main/java/com/starrocks/transaction/DatabaseTransactionMgr.java`.
"""

import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import duckdb

from emulator.errors import ANALYSIS, StarRocksError, analysis
from emulator.storage.engine import Engine, Unit
from emulator.storage.writing import Batch, apply

PREPARE, COMMITTED, VISIBLE, ABORTED, UNKNOWN = "PREPARE", "COMMITTED", "VISIBLE", "ABORTED", "UNKNOWN"
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
    Load), INSERT_STREAMING. `db` is '' for an explicit one that has written nothing yet. Times are epoch
    seconds. `info` is JSON for whoever reports loads (rows, filtered, error url, tracking log ...)."""

    id: int
    db: str
    label: str
    source: str
    state: str = PREPARE
    begun: float = 0.0
    finished: float = 0.0
    timeout: float = 300.0
    reason: str = ""
    tables: list[str] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list, repr=False)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "batches"}


class Transactions:
    """All transactions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str], Transaction] = {}
        self._by_id: dict[int, Transaction] = {}
        for body in sorted(engine.all("transaction"), key=lambda body: body["id"]):
            self._remember(Transaction(**body))

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

    def commit(self, txn: Transaction, cursor: duckdb.DuckDBPyConnection) -> int:
        """Apply every batch and the record in one unit of work; give the rows reported by the batches.

        `cursor` must be the one that the stages are on. Any error aborts the transaction and is raised again.
        """
        try:
            with self._engine.write(cursor) as unit:
                rows = sum(apply(self._engine, unit, batch) for batch in txn.batches)
                txn.info.setdefault("rows", rows)
                finished = Transaction(**{**txn.to_json(), "state": VISIBLE, "finished": time.time()})
                unit.put("transaction", txn.db, str(txn.id), finished.to_json())
                forgotten = self._prune(unit, txn.db)
        except BaseException as error:
            self.abort(txn, str(getattr(error, "message", error)))
            raise
        txn.state, txn.finished, txn.batches = VISIBLE, finished.finished, []
        with self._lock:
            for old in forgotten:
                self._forget(old)
        return rows

    def abort(self, txn: Transaction, reason: str, cursor: duckdb.DuckDBPyConnection | None = None) -> None:
        """End it without effect; its label is free again. Nothing happens when it has ended already.

        With a `cursor` the ABORTED record is also written to the file; without, it is known until a restart.
        """
        with self._lock:
            if txn.state != PREPARE:
                return
            txn.state, txn.reason, txn.finished, txn.batches = ABORTED, reason, time.time(), []
        if cursor is not None:
            with self._engine.write(cursor) as unit:
                unit.put("transaction", txn.db, str(txn.id), txn.to_json())

    def state(self, db: str, label: str) -> str:
        """State of the latest transaction with that label in the database."""
        found = self.find(db, label)
        return found.state if found else UNKNOWN

    def find(self, db: str, label: str) -> Transaction | None:
        with self._lock:
            return self._latest.get((db, label))

    def get(self, transaction_id: int) -> Transaction | None:
        with self._lock:
            return self._by_id.get(transaction_id)

    def all(self, db: str | None = None) -> list[Transaction]:
        """Every transaction still remembered, oldest first."""
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
            finished = [txn for txn in self._by_id.values() if txn.db == db and txn.state != PREPARE]
        if len(finished) <= keep + _PRUNE_SLACK and not (finished and finished[0].finished < time.time() - age):
            return []
        finished.sort(key=lambda txn: txn.finished)
        oldest_kept = time.time() - age
        gone = [txn for at, txn in enumerate(finished) if at < len(finished) - keep or txn.finished < oldest_kept]
        for txn in gone:
            unit.delete("transaction", txn.db, str(txn.id))
        return gone
