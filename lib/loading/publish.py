"""Makes what is staged visible: one transaction for the rows, the inferred members, the watermark and the ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from lib import log
from lib.catalog import TableFile
from lib.columns import Column
from lib.errors import DataRefused, Unavailable
from lib.loading import infer, scd2, tombstones, watermark
from lib.loading.mapping import INFERRED, without
from lib.loading.stage import Stage
from lib.loading.upsert import Upsert
from lib.reading import Part, Window
from lib.rows import Rows
from lib.warehouse import Warehouse, quote
from lib.warehouse_errors import SERVICE

_VISIBLE_WITHIN_SECONDS = 60.0
_COMMITS = 3
# A full load that would delete more than this share of a table stops, unless it is told to go on.
MOST_DELETED = 0.05


@dataclass
class Publication:
    """One load that is about to become visible."""

    warehouse: Warehouse
    table: TableFile
    target: Sequence[Column]
    stage: Stage
    part: Part
    window: Window
    load_id: str
    run_id: str
    cycle: date
    at: datetime
    rows: Rows
    left_out: Sequence[int] = ()
    # What people should know of this load, although it is done.
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The quoted target."""
        return quote(self.warehouse.database, self.table.name)

    @property
    def partition(self) -> list[str]:
        """Columns of the primary key that the business key has not got."""
        return [column.name for column in self.target if column.key and column.name not in self.table.key]

    @property
    def replaces(self) -> bool:
        """Whether the load takes the place of all rows; a table that marks its deletes keeps them."""
        return self.table.full and self.table.scd != 2 and self.table.deletes is None

    @property
    def has_inferred(self) -> bool:
        """Whether `is_inferred` is to be filled here: the target has it and no expression makes it."""
        names = {column.name for column in self.target}
        return INFERRED in names and INFERRED not in self.table.columns


def publish(publication: Publication) -> None:
    """Makes the load visible and sets `rows.loaded` and `rows.repeated`.

    Loaded is the number of source rows that have changed the table. Versions that an SCD 2 load closes and tombstones
    are written, and are no rows of the source.

    COMMIT answering OK proves nothing (a transaction lost in a failover answers OK as well), so the ledger row is
    read back; when it is absent, the whole is done again, which changes nothing if it had been done.
    """
    for attempt in range(1, _COMMITS + 1):
        _transaction(publication, attempt)
        if publication.warehouse.dry_run or _is_visible(publication):
            return
        log.warning("commit_lost", load_id=publication.load_id, attempt=attempt)
    raise Unavailable(
        f"{publication.table.name}: COMMIT answered OK {_COMMITS} times and nothing came of it",
        hint="is the frontend changing its leader? SHOW FRONTENDS; then run the job again",
        service=SERVICE,
    )


def _transaction(publication: Publication, attempt: int) -> None:
    warehouse, table, rows = publication.warehouse, publication.table, publication.rows
    if publication.replaces:
        _replace(publication)
    deleted = _deleted(publication)
    changing = _changing(publication, marks=deleted is not None)
    label = f"ns_p_{table.name}__{publication.load_id.replace('-', '_')}_{attempt}"
    with warehouse.transaction(label):
        # First what cannot fail for its data: after a failed first statement StarRocks keeps a rolled back transaction
        # open until it times out (fe/fe-core/.../transaction/TransactionStmtExecutor.java, rollbackStmt).
        watermark.advance(warehouse, table.name, publication.part.positions, publication.load_id, publication.at)
        publication.notes = [*_infer(publication), *_told_deleted(publication, deleted or 0)]
        if not publication.replaces:
            has_news = publication.stage.sent or deleted is not None
            statement = _statement(publication, marks=deleted is not None)
            written = warehouse.write(statement).rows if has_news else 0
            rows.loaded = written - (deleted or 0) if changing is None else changing
        rows.repeated = max(0, rows.read - rows.quarantined - rows.loaded)
        _write_load(publication)


def _infer(publication: Publication) -> list[str]:
    """Adds the members that the staged rows refer to and no dimension has; what to say of them."""
    warehouse, table, stage = publication.warehouse, publication.table, publication.stage
    said = []
    rows = f"SELECT * FROM {stage.table}{without(publication.left_out)}"
    for dimension, (key, columns) in infer.dimensions(table).items():
        if stage.sent and infer.unknown(warehouse, rows, dimension, key, columns):
            added = infer.insert(warehouse, rows, dimension, key, columns)
            log.warning("inferred_members", dimension=dimension, members=added, table=table.name)
            said.append(f"WARNING: {table.name}: {added:,} unknown members of {dimension} were inferred, as keys alone")
    return said


def _deleted(publication: Publication) -> int | None:
    """How many keys this load marks as deleted, None when it may not; raises `DataRefused` when they are too many."""
    table, rows = publication.table, publication.rows
    if publication.window.is_range or not tombstones.marks(table, read=rows.read, quarantined=rows.quarantined):
        return None
    return tombstones.check(
        publication.warehouse,
        table,
        publication.name,
        publication.stage.table,
        inferred=any(column.name == INFERRED for column in publication.target),
        allowed=publication.window.allow_deletes,
    )


def _told_deleted(publication: Publication, deleted: int) -> list[str]:
    name = publication.table.name
    return [f"{name}: {deleted:,} rows are not in the source any more, marked as deleted"] if deleted else []


def _changing(publication: Publication, *, marks: bool) -> int | None:
    """How many staged rows change an SCD 2 dimension; None for other tables, where the statement tells it."""
    if publication.table.scd != 2:
        return None
    if not publication.stage.sent:
        return 0
    return int(publication.warehouse.value(_chain(publication, marks=marks).changes()) or 0)


def _chain(publication: Publication, *, marks: bool) -> scd2.Chain:
    stage, at = publication.stage, publication.at.isoformat(sep=" ") if marks else ""
    return scd2.Chain(publication.table, publication.name, stage.table, stage.mapping, publication.left_out, at)


def _statement(publication: Publication, *, marks: bool) -> str:
    table, stage = publication.table, publication.stage
    if table.scd == 2:
        return _chain(publication, marks=marks).statement()
    return Upsert(
        table=table,
        target=publication.name,
        stage=stage.table,
        mapping=stage.mapping,
        partition=publication.partition,
        left_out=publication.left_out,
        bounds=_bounds(publication),
        rewrite=publication.window.rewrite,
        inferred=publication.has_inferred,
        marks=marks,
    ).statement()


def _bounds(publication: Publication) -> str:
    """Where a business key is looked for: the partitions of the staged rows, wider by the table's lateness."""
    if not publication.partition:
        return ""
    column = quote(publication.partition[0])
    found = publication.warehouse.read(
        f"SELECT min({column}) AS low, max({column}) AS high FROM {publication.stage.table}"
    )[0]
    low, high = found["low"], found["high"]
    if not isinstance(low, date) or not isinstance(high, date):
        return ""
    lateness = publication.table.lateness
    return f"t.{column} >= '{low - lateness}' AND t.{column} <= '{high + lateness}'"


def _replace(publication: Publication) -> None:
    """INSERT OVERWRITE: readers see the old rows until the new ones are all there, never an empty table.

    It cannot be part of a transaction (docs/en/loading/SQL_transaction.md), so it comes first: a crash before the
    ledger row leads to the same overwrite again.
    """
    warehouse, stage, rows = publication.warehouse, publication.stage, publication.rows
    kept = rows.read - rows.quarantined
    before = int(warehouse.value(f"SELECT count(*) AS n FROM {publication.name}") or 0)
    if kept < before * (1 - MOST_DELETED) and not publication.window.allow_deletes:
        raise DataRefused(
            f"{publication.table.name}: {before:,} rows would become {kept:,}: more than {MOST_DELETED:.0%} deleted",
            hint="if that is meant: the same command with --allow-deletes",
        )
    names = [quote(column.name) for column in stage.mapping.staged]
    inserted = [*names, *([quote(INFERRED)] if publication.has_inferred else [])]
    values = [*(f"s.{name}" for name in names), *(["FALSE"] if publication.has_inferred else [])]
    upsert = Upsert(
        publication.table,
        publication.name,
        stage.table,
        stage.mapping,
        (),
        publication.left_out,
        "",
        False,
        False,
    )
    warehouse.write(
        f"INSERT OVERWRITE {publication.name} ({', '.join(inserted)}) SELECT {', '.join(values)}"
        f" FROM ({upsert.newest()}) s WHERE s.rank_in_load = 1"
    )
    rows.loaded = int(warehouse.value(f"SELECT count(*) AS n FROM {publication.name}") or 0)


def _write_load(publication: Publication) -> None:
    table, part, rows = publication.table, publication.part, publication.rows
    values = {
        "target": table.name,
        "load_id": publication.load_id,
        "run_id": publication.run_id,
        "cycle": publication.cycle,
        "source": f"{table.source.kind} {table.source.what}"[:1000] if table.source else "",
        "part": part.name,
        "content": part.content,
        "from_position": part.from_position,
        "to_position": part.to_position,
        "rows_read": rows.read,
        "rows_staged": publication.stage.sent,
        "rows_loaded": rows.loaded,
        "rows_repeated": rows.repeated,
        "rows_quarantined": rows.quarantined,
        "rows_standing": rows.standing,
        "loaded_at": publication.at,
    }
    marks = ", ".join(["%s"] * len(values))
    publication.warehouse.write(f"INSERT INTO ops_load ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def _is_visible(publication: Publication) -> bool:
    """Whether the ledger row of this load can be read; waits while a committed transaction is being published."""
    deadline = time.monotonic() + (_VISIBLE_WITHIN_SECONDS if publication.warehouse.last_status == "COMMITTED" else 0)
    while True:
        found = publication.warehouse.read(
            "SELECT load_id FROM ops_load WHERE target = %s AND load_id = %s",
            (publication.table.name, publication.load_id),
        )
        if found or time.monotonic() >= deadline:
            return bool(found)
        time.sleep(0.2)
