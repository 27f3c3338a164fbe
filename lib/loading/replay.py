"""Brings rows of the quarantine through the same protocol as everything else, as they are, and marks them.

What came of a row is marked after its part has been published. A crash between the two leaves rows that are loaded and
still open; they come again with the next replay, are known, and are marked then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lib import clock, columns, log, quarantine
from lib.catalog import TableFile, Tolerance
from lib.loading import load as loading
from lib.loading.load import Carried
from lib.reading import Batch, Part, Window, text_of
from lib.rows import Rows
from lib.waiting import Selection
from lib.warehouse import Row, Warehouse

if TYPE_CHECKING:
    from lib.run import Run

# Rows a part: few enough that all of them may break a rule (MOST in lib/loading/audit.py) and the replay goes on.
PART_ROWS = 5000
_AT_ONCE = 1000


def replay(run: Run, table: TableFile, selection: Selection) -> None:
    """Loads the open rows of a table whose loads were accepted, and counts them into the run.

    Rows that do not fit this time either stay open as `rejected again`. Rows of a load that was refused come again with
    that load, so that no reader sees a few of its rows alone.
    """
    rows = _rows(run.warehouse, table.name, selection)
    run.count(Rows())
    # Each row is judged for itself: none of them holds up the others, and a table that is loaded whole is not replaced.
    alone = replace(table, full=False, deletes=None, tolerate=Tolerance(share=1.0))
    ids: dict[str, list[str]] = {}
    parts = _parts(run.warehouse, table.name, rows, ids)
    target = columns.of(run.warehouse, table.name)
    for done in loading.carry(run, alone, target, Window(), parts, quarantine.REJECTED_AGAIN):
        _mark(run, table, ids.pop(done.part.name), done)


def _mark(run: Run, table: TableFile, rows: Sequence[str], done: Carried) -> None:
    again = {quarantine.identity(table, reject) for reject in done.rejects}
    loaded = [row for row in rows if row not in again]
    at = clock.now().replace(microsecond=0)
    quarantine.settle(run.warehouse, table.name, loaded, quarantine.REPLAYED, run_id=run.run_id, at=at)
    log.info("replayed", table=table.name, rows=len(loaded), rejected_again=len(rows) - len(loaded))


def _rows(warehouse: Warehouse, table: str, selection: Selection) -> list[Row]:
    """The rows to replay, those that were put aside first before the others, in the order of their sources."""
    where, values = replace(selection, tables=[table]).where()
    rows = warehouse.read(
        "SELECT q.row_id AS row_id, q.coordinates AS coordinates, q.quarantined_at AS quarantined_at"
        f" FROM ops_quarantine q WHERE {where} AND q.accepted AND q.row_text LIKE %s",
        (*values, quarantine.REPLAYABLE),
    )
    return sorted(rows, key=lambda row: (row["quarantined_at"], _natural(row["coordinates"]), row["row_id"]))


def _natural(coordinates: str) -> list[tuple[int, str]]:
    """A key that puts `a.csv:9` before `a.csv:10`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", coordinates)]


def _parts(warehouse: Warehouse, table: str, rows: Sequence[Row], ids: dict[str, list[str]]) -> Iterator[Part]:
    """The rows in parts, in none of which a place occurs twice; notes into `ids` which rows a part holds."""
    number = 0
    while rows:
        places: dict[str, str] = {}
        later = []
        for row in rows:
            if len(places) == PART_ROWS or row["coordinates"] in places:
                later.append(row)
            else:
                places[row["coordinates"]] = row["row_id"]
        number += 1
        name = f"quarantine {number}"
        ids[name] = list(places.values())
        yield Part(name, partial(_batches, warehouse, table, ids[name]))
        rows = later


def _batches(warehouse: Warehouse, table: str, ids: Sequence[str]) -> Iterator[Batch]:
    """The kept rows as a source delivers them: all text, a column that one of them lacks is NULL there."""
    import polars as pl

    names: dict[str, None] = {"_source": None}
    rows = [json.loads(text) for text in _texts(warehouse, table, ids)]
    for row in rows:
        names |= dict.fromkeys(row)
    columns = {name: [text_of(row.get(name)) for row in rows] for name in names}
    yield Batch(pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)))


def _texts(warehouse: Warehouse, table: str, ids: Sequence[str]) -> list[str]:
    found: dict[str, str] = {}
    for first in range(0, len(ids), _AT_ONCE):
        some = ids[first : first + _AT_ONCE]
        marks = ", ".join(["%s"] * len(some))
        rows = warehouse.read(
            f"SELECT row_id, row_text FROM ops_quarantine WHERE target = %s AND row_id IN ({marks})", (table, *some)
        )
        found |= {row["row_id"]: row["row_text"] for row in rows}
    return [found[row_id] for row_id in ids if row_id in found]
