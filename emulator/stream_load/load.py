"""One Stream Load: from headers and body to committed rows and StarRocks' JSON answer.

    load = StreamLoad(engine, transactions, request)
    load.begin()                # label, headers, mapping: before any byte of the body is read
    load.receive(chunks)        # body to the spool, canonical form (emulator.stream_load.body)
    load.finish()               # stage, judge, commit
    load.answer()               # the JSON object of be/src/runtime/stream_load/stream_load_context.cpp

Any step raises LoadError; `load.fail(error)` then aborts the transaction and `answer()` says so.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from emulator.errors import StarRocksError
from emulator.injected_faults import InjectedFaults
from emulator.storage.catalog import Table
from emulator.storage.engine import Engine
from emulator.storage.transactions import COMMITTED, OPEN, PREPARE, LabelUsed, Transaction, Transactions
from emulator.storage.writing import Batch, drop_stage, new_stage
from emulator.stream_load import compression
from emulator.stream_load import headers as load_headers
from emulator.stream_load import mapping as load_mapping
from emulator.stream_load.answer import MOST_ERROR_LINES, Counts, milliseconds, status
from emulator.stream_load.body import Body
from emulator.stream_load.headers import LabelTaken, LoadError, LoadOptions
from emulator.stream_load.plan import FAULT, Plan
from emulator.stream_load.received import Received
from emulator.stream_load.rejects import rejected

SOURCE = "BACKEND_STREAMING"
LONGEST_LINE_BYTES = 200_000_000
NO_ROWS = (
    "No rows were imported from upstream. Possible causes: 1) all rows were filtered by load conditions, 2) all"
    " rows failed data"
    " quality/validation checks, or 3) upstream has no data. If this is acceptable, set `ADMIN SET FRONTEND CONFIG"
    " ('empty_load_as_error' = 'false')` to ignore empty loads"
)
_counter = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """What the client asked for; header names in lower case, `error_url` with a place for the transaction's number."""

    db: str
    table: str
    headers: Mapping[str, str]
    user: str
    error_url: str


class StreamLoad:
    """The state of one load; used by one thread."""

    def __init__(
        self,
        engine: Engine,
        transactions: Transactions,
        request: Request,
        faults: InjectedFaults | None = None,
        txn: Transaction | None = None,
    ) -> None:
        self.engine, self.transactions, self.request = engine, transactions, request
        self.faults = faults or InjectedFaults()
        self.label = request.headers.get("label") or str(uuid.uuid4())
        self.counts = Counts()
        self.txn = txn
        self.error: LoadError | None = None
        self.options = LoadOptions()
        self._body: Received | None = None
        self._stages: list[str] = []
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._owns_cursor = True
        self._path = engine.spool / f"load_{uuid.uuid4().hex}"

    # -- the steps ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Check the headers and the label, and plan the load."""
        self.options = load_headers.parse(self.request.headers)
        self._check_size()
        try:
            self.engine.database(self.request.db)
            table = self.engine.table(self.request.db, self.request.table)
        except StarRocksError as error:
            raise LoadError(error.message) from error
        if self.engine.materialized_view(table.db, table.name) is not None:
            raise LoadError(
                f"The data of '{table.name}' cannot be inserted because '{table.name}' is a materialized view,"
                "and the data of materialized view must be consistent with the base table."
            )
        self.txn = self._begin_transaction()
        self.txn.tables = [table.name]
        self.txn.info = {"type": "STREAM", "table": table.name, "user": self.request.user}
        self._plan(table)
        if self.faults.fails("stream_load"):
            raise LoadError("the load fails because a test asked for it (fault fail_next=stream_load)")
        try:
            self.faults.refuse_work()
        except StarRocksError as error:
            raise LoadError(error.message) from error

    def receive(self, chunks: Iterable[bytes]) -> None:
        """Write the body to the spool in canonical form."""
        self.receive_parts([chunks])

    def receive_parts(self, parts: list[Iterable[bytes]]) -> None:
        """The same for a body in several parts: CSV is joined, each JSON part is read by itself."""
        start = time.monotonic()
        plain = [compression.unpacked(self._counted(chunks), self.options.compression) for chunks in parts]
        plan = self.plan
        self._body = Received(
            self._path,
            self.options,
            plan.mapping.fields,
            plan.integer_types,
            plan.needs_exact_texts,
            plan.has_nested,
        )
        self._body.take(plain)
        self.counts.read_ms = milliseconds(start)

    def finish(self) -> None:
        """Judge the rows and commit the good ones."""
        assert self.txn is not None
        start = time.monotonic()
        stage = self.stage()
        self.check()
        self.counts.write_ms = milliseconds(start)
        self.commit(stage)

    def commit(self, stage: str) -> None:
        """Make the staged rows visible, with the record of the load. Raises LoadError; the load is aborted then."""
        assert self.txn is not None
        start = time.monotonic()
        self.add(stage)
        left = self.options.timeout_seconds - (start - self.counts.started)
        try:
            self.transactions.commit(self.txn, self.cursor, max(left, 0))
        except StarRocksError as error:
            raise LoadError(error.message) from error
        self.counts.commit_ms = milliseconds(start)

    def prepare(self, stage: str, timeout: float) -> None:
        """Keep the staged rows until the FE commits them or `timeout` seconds have passed. Raises LoadError."""
        assert self.txn is not None
        self.add(stage)
        try:
            self.transactions.prepare(self.txn, self.cursor, timeout)
        except StarRocksError as error:
            raise LoadError(error.message) from error

    def fail(self, error: LoadError) -> None:
        """Abort; the label is free again. The reason and the error lines stay readable by the label."""
        self.error = error
        if self.txn is not None and self.txn.state == PREPARE:
            self._record()
            self.transactions.abort(self.txn, str(error), self.cursor)

    def close(self) -> None:
        """Give back the spool file and the cursor."""
        if self._body is not None:
            self._body.remove()
        if self._cursor is not None:
            if self._owns_cursor:
                for stage in self._stages:
                    drop_stage(self._cursor, stage)
                self._cursor.close()
            self._cursor = None

    # -- the parts, used by the transaction interface too ---------------------------------------------------------

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection of this load, in the load's time zone."""
        if self._cursor is None:
            self._cursor = self.engine.cursor()
            self._cursor.execute(f"set TimeZone = '{self.options.timezone}'")
        return self._cursor

    def use(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Work on somebody else's connection, which he closes: for several loads in one transaction."""
        self._cursor, self._owns_cursor = cursor, False
        cursor.execute(f"set TimeZone = '{self.options.timezone}'")

    def plan_for(self, table: Table) -> None:
        """Plan a load into a table without beginning a transaction."""
        self.options = load_headers.parse(self.request.headers)
        self._plan(table)

    def stage(self) -> str:
        """Put the good rows into a stage on the cursor; count and remember the bad ones."""
        assert self._body is not None
        stage = self._stage_native(self._body.native) if self._body.native is not None else None
        return stage if stage is not None else self._stage_exactly(self._body.canonical())

    def _stage_native(self, body: Body) -> str | None:
        """Stage a body as it came; None when it has anything in it that only the canonical form tells rightly."""
        rejects = f"rejects_{next(_counter)}"
        try:
            stage, rows = self._new_stage(self.plan.select(body, body.read(rejects)))
            lines = 0 if body.documents else rejected(self.cursor, rejects, body, self.options)[0]
        except duckdb.Error:
            return None
        bad, unselected = self._judged(stage)
        if bad or lines:
            drop_stage(self.cursor, stage)
            return None
        return self._counted_stage(stage, rows, 0, unselected)

    def _stage_exactly(self, body: Body) -> str:
        rejects = f"rejects_{next(_counter)}"
        stage, rows = self._read(body, rejects)
        lines, refused = rejected(self.cursor, rejects, body, self.options)
        bad, unselected = self._judged(stage)
        self.counts.total += lines
        self.counts.filtered += lines
        self.counts.errors += refused
        if bad:
            longest = min(body.path.stat().st_size, LONGEST_LINE_BYTES)
            query = f"{self.plan.bad_rows(body, body.read(rejects, longest))} limit {MOST_ERROR_LINES}"
            self.counts.errors += [
                f"Error: {fault}. Row: {row}" for fault, row in self.cursor.execute(query).fetchall()
            ]
            rejected(self.cursor, rejects, body, self.options)
        return self._counted_stage(stage, rows, bad, unselected)

    def _judged(self, stage: str) -> tuple[int, int]:
        """(bad rows, unselected rows) of a stage."""
        counted = f"select count(*) filter ({FAULT} <> ''), count(*) filter ({FAULT} = '') from {stage}"
        bad, unselected = self.cursor.execute(counted).fetchone() or (0, 0)
        return bad, unselected

    def _counted_stage(self, stage: str, rows: int, bad: int, unselected: int) -> str:
        self.counts.total += rows
        self.counts.filtered += bad
        self.counts.unselected += unselected
        self.counts.loaded += rows - bad - unselected
        if bad or unselected:
            stage, _ = self._new_stage(f"select * from {stage} where {FAULT} is null")
        return stage

    def check(self, too_many: str = "too many filtered rows") -> None:
        """Raise LoadError when too many rows are bad or none is left."""
        counts = self.counts
        selected = counts.total - counts.unselected
        if counts.filtered and counts.filtered / max(selected, 1) > self.options.max_filter_ratio:
            raise LoadError(too_many)
        if not counts.loaded and str(self.engine.config("empty_load_as_error")).lower() != "false":
            raise LoadError(NO_ROWS)

    def add(self, stage: str) -> None:
        """Give the staged rows to the transaction, with the numbers of this load."""
        assert self.txn is not None
        self._record()
        self.txn.batches.append(self.batch(stage))

    def batch(self, stage: str) -> Batch:
        """The staged rows as a batch for the transaction."""
        options, plan = self.options, self.plan
        condition = options.merge_condition
        return Batch(
            plan.table,
            stage,
            plan.targets,
            self.counts.loaded,
            has_op=plan.mapping.has_op,
            partial=options.partial_update,
            merge_condition=load_mapping.check_merge_condition(condition, plan.table, plan.targets)
            if condition
            else None,
        )

    def answer(self) -> dict[str, Any]:
        """The JSON object for the client."""
        head = {
            "TxnId": self.txn.id if self.txn else -1,
            "Label": self.label,
            "Db": self.request.db,
            "Table": self.request.table,
        }
        told = status(self.error)
        if self.error is None and self.txn is not None and self.txn.state == COMMITTED:
            told = {"Status": "Publish Timeout", "Message": self.late_message}
        return {**head, **told, **self.counts.numbers(self.error is not None), **self._error_url()}

    @property
    def late_message(self) -> str:
        """What is said of rows that are committed and not yet visible (service/FrontendServiceImpl.java)."""
        return "Publish timeout. The data will be visible after a while, "

    def summary(self) -> dict[str, int]:
        """Numbers of a prepared or committed load, as the transaction interface names them."""
        numbers = self.counts.numbers(False)
        numbers["ReceivedDataTimeMs"] = numbers.pop("ReadDataTimeMs")
        numbers.pop("BeginTxnTimeMs")
        return {"TxnId": self.txn.id if self.txn else -1, **numbers}

    # -- private --------------------------------------------------------------------------------------------------

    def _check_size(self) -> None:
        length = int(self.request.headers.get("content-length") or 0)
        if (
            self.options.format == "json"
            and not self.options.ignore_json_size
            and length > load_headers.JSON_LIMIT_BYTES
        ):
            raise LoadError(
                f"The size of this batch exceed the max size [{load_headers.JSON_LIMIT_BYTES}]  of json type"
                f" data  data [ {length} ]."
                " Set ignore_json_size to skip the check, although it may lead huge memory consuming."
            )

    def _begin_transaction(self) -> Transaction:
        try:
            return self.transactions.begin(self.request.db, self.label, SOURCE, float(self.options.timeout_seconds))
        except LabelUsed as error:
            raise LabelTaken(self.label, "RUNNING" if error.transaction.state in OPEN else "FINISHED") from error
        except StarRocksError as error:
            raise LoadError(error.message) from error

    def _plan(self, table: Table) -> None:
        start = time.monotonic()
        options = self.options
        is_json = options.format == "json"
        mapping = load_mapping.parse(options.columns, table, partial=options.partial_update, json=is_json)
        self.plan = Plan(self.engine, table, mapping, options)
        if options.merge_condition:
            load_mapping.check_merge_condition(options.merge_condition, table, self.plan.targets)
        self.plan.check()
        self.counts.plan_ms = milliseconds(start)

    def _counted(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        for chunk in chunks:
            self.counts.received_bytes += len(chunk)
            yield chunk

    def _new_stage(self, select: str) -> tuple[str, int]:
        stage, rows = new_stage(self.cursor, select)
        self._stages.append(stage)
        return stage, rows

    def _read(self, body: Body, rejects: str) -> tuple[str, int]:
        """Stage every row of the body; lines longer than the reader's default cost a second look."""
        stage, rows = self._new_stage(self.plan.select(body, body.read(rejects)))
        too_long = f"select 1 from {rejects} where error_type = 'LINE SIZE OVER MAXIMUM' limit 1"
        if self.cursor.execute(too_long).fetchone() is None:
            return stage, rows
        drop_stage(self.cursor, stage)
        self.cursor.execute(f"delete from {rejects}")
        longest = min(body.path.stat().st_size, LONGEST_LINE_BYTES)
        return self._new_stage(self.plan.select(body, body.read(rejects, longest)))

    def _record(self) -> None:
        """Leave what reports of loads show in the transaction."""
        assert self.txn is not None
        counts = self.counts
        self.txn.info |= {
            "scanned": counts.total,
            "bytes": counts.received_bytes,
            "filtered": counts.filtered,
            "unselected": counts.unselected,
            "rows": counts.loaded,
            "tracking_log": "".join(line + "\n" for line in counts.errors[:MOST_ERROR_LINES]),
            "properties": {"timeout": str(self.options.timeout_seconds)},
            "error_url": self._error_url().get("ErrorURL", ""),
        }

    def _error_url(self) -> dict[str, str]:
        if not self.counts.errors or self.txn is None:
            return {}
        return {"ErrorURL": self.request.error_url.format(self.txn.id)}


def body_path(engine: Engine) -> Path:
    """A new file name in the spool."""
    return engine.spool / f"load_{uuid.uuid4().hex}"
