"""Loads a table's history part by part: what has been loaded is left out, so an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lib import clock, columns, progress, quarantine
from lib.catalog import TableFile
from lib.errors import SourceLost
from lib.loading import load as loading
from lib.loading import watermark
from lib.reading import Part, Window

if TYPE_CHECKING:
    from lib.run import Run

# Sources whose positions mean the same rows for ever: a range of them that has been loaded need not be read again.
# Files are known by their content, and months of a database by their names; their modules leave them out themselves.
_IMMUTABLE = ("kafka",)


def load(run: Run, table: TableFile, window: Window) -> None:
    """Loads what is not there yet of a range, or from the beginning, and shows how far it has come."""
    target = columns.of(run.warehouse, table.name)
    known = watermark.known(run.warehouse, table, target)
    listed, lost = _listed(loading.source_kind(table).parts(table, known, window))
    parts = _unfinished(run, table, window, listed)
    with progress.shown(table.name, parts, quiet=run.args.json) as watched:
        for _ in loading.carry(run, table, target, window, watched.parts(parts)):
            pass
    if not run.dry_run:
        quarantine.supersede(run.warehouse, table, run_id=run.run_id, at=clock.now().replace(microsecond=0))
    if lost is not None:
        raise lost


def _listed(parts: Iterator[Part]) -> tuple[list[Part], SourceLost | None]:
    """All parts before the first is read, so that it is known how many there are; and what the source says is lost."""
    listed: list[Part] = []
    try:
        listed.extend(parts)
    except SourceLost as error:
        return listed, error
    return listed, None


def _unfinished(run: Run, table: TableFile, window: Window, parts: Sequence[Part]) -> list[Part]:
    if window.rewrite or table.source is None or table.source.kind not in _IMMUTABLE:
        return list(parts)
    rows = run.warehouse.read(
        "SELECT part, from_position, to_position, content FROM ops_load WHERE target = %s AND from_position <> ''",
        (table.name,),
    )
    done = {(row["part"], row["from_position"], row["to_position"], row["content"]) for row in rows}

    def is_done(part: Part) -> bool:
        place = (part.name, part.from_position, part.to_position)
        # Everything between these offsets has been loaded, or what this very range takes of it.
        return (*place, "") in done or (*place, part.content) in done

    # One that moves the watermark is needed for that, rows or not.
    return [part for part in parts if part.positions or not is_done(part)]
