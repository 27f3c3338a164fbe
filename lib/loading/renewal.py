"""Replaces a table by all that its source has, and no reader ever sees it empty or with fewer rows.

The whole history is loaded into a fresh table beside it, `<table>__full`, with a ledger and watermarks under that name:
a renewal that is killed goes on where it was. Then one INSERT OVERWRITE puts the fresh rows in the place of the old.
ALTER TABLE ... SWAP WITH would do as much and copy nothing, but grants go with the table's id and materialized views
of a swapped table become inactive (fe/.../alter/AlterJobExecutor.java), so readers would lose both for a while.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lib import columns, log
from lib.catalog import TableFile
from lib.errors import DataRefused, Refused
from lib.loading import history
from lib.loading import load as loading
from lib.loading.mapping import INFERRED
from lib.reading import Window
from lib.warehouse import Warehouse, quote

if TYPE_CHECKING:
    from lib.run import Run

_LOADS = "loads"
# How long the end of a renewal waits for a load that is running.
_PATIENCE_SECONDS = 1800.0
_LEDGER = {
    "ops_watermark": "part, position, load_id, updated_at",
    "ops_load": "load_id, run_id, cycle, source, part, content, from_position, to_position, rows_read, rows_staged,"
    " rows_loaded, rows_repeated, rows_quarantined, rows_standing, loaded_at",
}


def renew(run: Run, table: TableFile, *, allow_deletes: bool, anew: bool) -> None:
    """Loads everything beside the table, then replaces it. `anew`: drops what a killed renewal has left.

    Raises `DataRefused` when rows of the table are not in its source any more, unless deletes are allowed.
    """
    everything = Window(history=True, rewrite=table.full, allow_deletes=allow_deletes)
    if table.full:
        # Such a table is replaced as a whole by every load.
        history.load(run, table, everything)
        return
    fresh = replace(table, name=f"{table.name}__full")
    if run.dry_run:
        history.load(run, table, replace(everything, rewrite=True))
        return
    _prepare(run.warehouse, table.name, fresh.name, anew=anew)
    history.load(run, fresh, everything)
    # The incremental load that is running is waited for.
    with run.holding(_LOADS, patience=_PATIENCE_SECONDS):
        # What has come to the source meanwhile; while the lock is held, nobody else loads.
        loading.load(run, fresh)
        _keep_inferred(run.warehouse, table, fresh.name)
        _check(run.warehouse, table, fresh.name, allow_deletes=allow_deletes)
        _replace(run.warehouse, table.name, fresh.name)
        _take_over_ledger(run, table.name, fresh.name)
        _drop(run.warehouse, fresh.name)


def _prepare(warehouse: Warehouse, table: str, fresh: str, *, anew: bool) -> None:
    """Creates the fresh table, unless a killed renewal has left one with the same columns: that one goes on."""
    target, left = columns.of(warehouse, table), _columns(warehouse, fresh)
    if left and (anew or left != [column.name for column in target]):
        _drop(warehouse, fresh)
        left = []
    if not left:
        # A ledger without its table would have the load leave out what is not there.
        _forget(warehouse, fresh)
        warehouse.write(f"CREATE TABLE {quote(warehouse.database, fresh)} LIKE {quote(warehouse.database, table)}")
    else:
        log.info("renewal_resumed", table=table)


def _columns(warehouse: Warehouse, table: str) -> list[str]:
    rows = warehouse.read(
        "SELECT COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
        " ORDER BY ORDINAL_POSITION",
        (warehouse.database, table),
    )
    return [row["COLUMN_NAME"] for row in rows]


def _keep_inferred(warehouse: Warehouse, table: TableFile, fresh: str) -> None:
    """Members that are known only from facts are in no source: they go over as they are."""
    target = columns.of(warehouse, table.name)
    if INFERRED not in {column.name for column in target}:
        return
    names = [quote(column.name) for column in target if not column.generated]
    warehouse.write(
        f"INSERT INTO {quote(warehouse.database, fresh)} ({', '.join(names)})"
        f" SELECT {', '.join(f't.{name}' for name in names)} FROM {_lost(warehouse, table, fresh)} AND t.{INFERRED}"
    )


def _lost(warehouse: Warehouse, table: TableFile, fresh: str) -> str:
    """FROM and WHERE of the rows (alias t) whose key the fresh table has not got."""
    same = " AND ".join(f"f.{quote(name)} = t.{quote(name)}" for name in table.key)
    old, new = quote(warehouse.database, table.name), quote(warehouse.database, fresh)
    return f"{old} t LEFT JOIN {new} f ON {same} WHERE f.{quote(table.key[0])} IS NULL"


def _check(warehouse: Warehouse, table: TableFile, fresh: str, *, allow_deletes: bool) -> None:
    lost = int(warehouse.value(f"SELECT count(*) AS n FROM {_lost(warehouse, table, fresh)}") or 0)
    fewer = _count(warehouse, table.name) - _count(warehouse, fresh)
    if (lost or fewer > 0) and not allow_deletes:
        raise DataRefused(
            f"{table.name}: its source has not got everything any more: {lost:,} rows have keys that it lacks, and the"
            f" table would have {max(fewer, 0):,} rows fewer; nothing was replaced",
            hint=f"if that is meant: ./run load_history --only {table.name} --full --allow-deletes",
        )


def _replace(warehouse: Warehouse, table: str, fresh: str) -> None:
    names = ", ".join(quote(column.name) for column in columns.of(warehouse, table) if not column.generated)
    old, new = quote(warehouse.database, table), quote(warehouse.database, fresh)
    warehouse.write(f"INSERT OVERWRITE {old} ({names}) SELECT {names} FROM {new}")
    # Days that the old table has not got get their partitions, those without rows become empty (recorded in StarRocks'
    # test/sql/test_automatic_partition/R/test_insert_overwrite).
    there, expected = _count(warehouse, table), _count(warehouse, fresh)
    if there != expected:
        raise Refused(f"{table}: {expected:,} rows were to replace it, and it has {there:,}", hint="run it again")


def _take_over_ledger(run: Run, table: str, fresh: str) -> None:
    """The table has what the fresh one was loaded with: so do its watermarks and its ledger."""
    with run.warehouse.transaction(f"ns_full_{table}__{run.run_id.replace('-', '_')}_{int(time.time() * 1000)}"):
        for ledger, names in _LEDGER.items():
            run.warehouse.write(
                f"INSERT INTO {quote(ledger)} (target, {names}) SELECT %s, {names} FROM {quote(ledger)}"
                " WHERE target = %s",
                (table, fresh),
            )


def _drop(warehouse: Warehouse, fresh: str) -> None:
    warehouse.write(f"DROP TABLE IF EXISTS {quote(warehouse.database, fresh)} FORCE")
    _forget(warehouse, fresh)


def _forget(warehouse: Warehouse, fresh: str) -> None:
    for ledger in _LEDGER:
        warehouse.write(f"DELETE FROM {quote(ledger)} WHERE target = %s", (fresh,))


def _count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.value(f"SELECT count(*) AS n FROM {quote(warehouse.database, table)}") or 0)
