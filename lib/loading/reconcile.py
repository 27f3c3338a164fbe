"""Compares a table with its SQL source day by day, and reads the days that differ again.

A row that was committed later than `lateness` allows, or changed without its timestamp, is behind every watermark. So
after the load both sides count and hash their rows of the last days, each where they are, and only days that differ are
read. What differs even then cannot be mended by reading: people are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lib import columns, log
from lib.catalog import TableFile
from lib.columns import Column
from lib.errors import Misconfigured
from lib.loading import load as loading
from lib.loading import watermark
from lib.reading import WHOLE, Window
from lib.sources import _buckets
from lib.sources._buckets import BETWEEN, COMPARED, DIGITS, NULL, Bucket
from lib.sources._sql.position import Position, as_time
from lib.sources.sql import Source
from lib.warehouse import Warehouse, quote

if TYPE_CHECKING:
    from lib.run import Run

_ONE_DAY = timedelta(days=1)
_TEXT = {
    "integer": "cast({name} AS varchar)",
    "text": "{name}",
    "boolean": "CASE WHEN {name} IS NULL THEN NULL WHEN {name} THEN '1' ELSE '0' END",
    "date": "date_format({name}, '%%Y-%%m-%%d')",
    "datetime": "date_format({name}, '%%Y-%%m-%%d %%H:%%i:%%s')",
    "decimal": "cast({name} AS varchar)",
}


def days(run: Run, table: TableFile, window: Window) -> None:
    """After a load of what is new: compares the last days with the source, as the table's header asks for."""
    if not table.reconcile or window.is_range or window.history or run.dry_run:
        return
    differing = _differing(run.warehouse, table)
    if not differing:
        log.info("reconciled", table=table.name, days=table.reconcile.days)
        return
    log.warning("days_differ", table=table.name, days=differing)
    for day in differing:
        begins = datetime.fromisoformat(day)
        # The order of versions holds here too; without a version the source's row of today is the true one.
        loading.load(run, table, Window(begins, begins + _ONE_DAY, rewrite=not table.version))
    run.note(f"WARNING: {table.name}: {_listed(differing)} differed from the source, read again")
    left = [day for day in _differing(run.warehouse, table) if day in differing]
    if left:
        log.error("days_still_differ", table=table.name, days=left)
        run.note(
            f"WARNING: {table.name}: {_listed(left)} still not as in the source: rows deleted or changed there"
            " meanwhile, rows in quarantine, or an older version that the table does not take"
        )


def _differing(warehouse: Warehouse, table: TableFile) -> list[str]:
    """The days whose rows are not the same on both sides, of those up to the watermark."""
    stored = watermark.position(warehouse, table, WHOLE)
    if stored is None:
        return []
    end = Position.read(stored)
    try:
        last = as_time(end.at)
    except ValueError:
        raise table.header.need("reconcile").wrong(f"{table.watermark[0]} = {end.at!r} is no time") from None
    first = datetime(last.year, last.month, last.day) - table.reconcile + _ONE_DAY
    low = first.isoformat(sep="T" if "T" in str(end.at) else " ") if len(str(end.at)) > 10 else str(first.date())
    compared, at = _compared(warehouse, table)
    closed = end.key is not None
    there = _buckets.read(Source.of(table), {name: column for name, column, _ in compared}, low, end.at, closed=closed)
    here = _here(warehouse, table, compared, f"{at} >= '{first}' AND {at} {'<=' if closed else '<'} '{last}'", at)
    return sorted(day for day in {*there, *here} if there.get(day) != here.get(day))


def _compared(warehouse: Warehouse, table: TableFile) -> tuple[list[tuple[str, Column, str]], str]:
    """(source column, its column here, that one's quoted name) of all that is loaded as it is; and the timestamp's."""
    from_source: Mapping[str, str] = {name: text.strip("` ") for name, text in table.columns.items()}
    found = []
    for column in columns.of(warehouse, table.name):
        source = from_source.get(column.name, column.name)
        if source.isidentifier() and source.upper() not in ("TRUE", "FALSE", "NULL") and not column.generated:
            found.append((source, column, quote(column.name)))
    at = next((name for source, _, name in found if source == table.watermark[0]), "")
    if not at:
        line = table.header.need("reconcile")
        raise line.wrong(f"no column of {table.name} is {table.watermark[0]} as the source has it")
    usable = [
        one for one in found if one[1].kind in COMPARED and not one[0].startswith("_") and one[1].name != "is_inferred"
    ]
    if not usable:
        raise Misconfigured(f"{table.path}: reconcile: no column is loaded as it is")
    return usable, at


def _here(
    warehouse: Warehouse, table: TableFile, compared: Sequence[tuple[str, Column, str]], where: str, at: str
) -> dict[str, Bucket]:
    texts = [f"coalesce({_TEXT[_buckets.kind(column)].format(name=name)}, '{NULL}')" for _, column, name in compared]
    row = f"concat({f', {BETWEEN!r}, '.join(texts)})"
    number = " + ".join(
        f"(instr('0123456789abcdef', substr(hash, {place + 1}, 1)) - 1) * {16 ** (DIGITS - 1 - place)}"
        for place in range(DIGITS)
    )
    found = warehouse.read(
        f"SELECT day, count(*) AS number, sum(cast({number} AS BIGINT)) AS total FROM ("
        f"SELECT date_format({at}, %s) AS day, md5({row}) AS hash"
        f" FROM {quote(warehouse.database, table.name)} WHERE {where}) hashed GROUP BY day",
        ("%Y-%m-%d",),
    )
    return {str(one["day"]): (int(one["number"]), int(one["total"])) for one in found}


def _listed(days: Sequence[str]) -> str:
    more = f" and {len(days) - 5} more" if len(days) > 5 else ""
    return f"{'day' if len(days) == 1 else 'days'} {', '.join(days[:5])}{more}"
