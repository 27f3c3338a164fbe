"""`sql <connection>: <table or SELECT>`: rows of an operational database, by URL (setting CONNECTION_<NAME>).

Read from the watermark, a pair of timestamp and key in the source's own time, up to the newest timestamp at the start.
Rows that come while it reads are left for the next run; rows that were committed late are met again within the table's
lateness, and a row without a timestamp, which no watermark would ever meet, is a reject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lib import log
from lib.catalog import TableFile
from lib.errors import Misconfigured
from lib.headers import IDENTIFIER
from lib.reading import WHOLE, Batch, Known, Part, Reject, Window, row_text
from lib.sources._sql import cells, clock
from lib.sources._sql.database import Database
from lib.sources._sql.position import Position, Range, as_time

if TYPE_CHECKING:
    from sqlalchemy import Connection

_WHAT = re.compile(r"(\w+)\s*:\s*(.+)$", re.DOTALL)
# A clock of a source may be this far ahead of itself: MySQL rounds fractions of a second up.
_ROUNDING = timedelta(seconds=1)


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """What has come since the watermark as one part; a range as one part a month, those that are done left out."""
    source = Source.of(table)
    if not table.watermark:
        if not table.full:
            raise Misconfigured(f"{table.path}: an incremental SQL source needs `-- watermark: <timestamp>, <key>`")
        yield Part(WHOLE, partial(source.rows, Range()))
        return
    end, newest, nulls = source.end()
    if window.is_range or window.history:
        yield from _ranges(source, known, window, end, newest)
        return
    stored = Position.read(known.positions[WHOLE]) if WHOLE in known.positions else None
    if end is None or (end == stored and not table.lateness):
        if nulls:
            yield Part(WHOLE, partial(source.rows, Range(nothing=True, nulls=True)))
        return
    reached = stored.later(end) if stored else end
    yield Part(
        WHOLE,
        partial(source.rows, Range(stored.before(table) if stored else None, newest, nulls=nulls)),
        from_position=stored.text if stored else "",
        to_position=reached.text,
        positions={WHOLE: reached.text},
    )


def _ranges(source: Source, known: Known, window: Window, end: Position | None, newest: Any) -> Iterator[Part]:
    """One part a month of the range; the last of a history sets the watermark where the incremental load goes on."""
    if end is None:
        return
    first = window.since or as_time(source.oldest())
    last = window.until or as_time(newest) + timedelta(microseconds=1)
    while first < last:
        month = (first.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
        until = min(month, last)
        name = f"{first.isoformat()}/{until.isoformat()}"
        if not window.history or name not in known.names or window.rewrite or until > as_time(newest):
            final = until >= as_time(newest) and window.history and not known.positions
            limits = Range(Position(first.isoformat(sep=" ")), until.isoformat(sep=" "), open_end=True)
            yield Part(
                name,
                partial(source.rows, replace(limits, nulls=window.until is None and until == last)),
                from_position=first.isoformat(),
                to_position=until.isoformat(),
                positions={WHOLE: end.text} if final else {},
            )
        first = until


def _relation(what: str) -> str:
    if what.upper().startswith(("SELECT", "WITH")):
        # A colon would begin a parameter.
        return f"({what.rstrip(';')}) nightshift_source".replace(":", "\\:")
    if not all(IDENTIFIER.match(part) for part in what.split(".")):
        raise Misconfigured(f"{what!r} is neither the name of a table nor a SELECT")
    return what


class Source:
    """One table or SELECT of one database."""

    def __init__(self, table: TableFile, database: Database, relation: str) -> None:
        self.table, self.database, self.relation = table, database, relation
        self.at = table.watermark[0] if table.watermark else ""

    @classmethod
    def of(cls, table: TableFile) -> Source:
        """The source that a table file declares."""
        assert table.source is not None
        found = _WHAT.match(table.source.what)
        if not found:
            raise table.source.line.wrong("expected `sql <connection>: <table or SELECT>`")
        return cls(table, Database(table, found[1]), _relation(found[2].strip()))

    def end(self) -> tuple[Position | None, Any, bool]:
        """How far this run gets: the watermark to write, the newest timestamp there is, whether any is missing.

        The source's clock is asked first: what begins after that cannot be older.
        """
        with self.database.opened() as opened:
            # A transaction of its own: what is committed until the next statement has to be seen by it.
            time = clock.read(self.database, opened)
            opened.rollback()
            newest = self._first(opened, f"SELECT max({self.at}) FROM {self.relation}")
            nulls = bool(self._first(opened, f"SELECT count(*) FROM {self.relation} WHERE {self.at} IS NULL"))
            if newest is None:
                return None, None, nulls
            position = Position.reached(newest, time.settled)
            if position.at == newest and len(self.table.watermark) == 2:
                key = f"SELECT max({self.table.watermark[1]}) FROM {self.relation} WHERE {self.at} = :at"
                position = replace(position, key=self._first(opened, key, at=newest))
            self._tell_of_the_future(opened, newest, time.now + _ROUNDING)
            return position, newest, nulls

    def oldest(self) -> Any:
        """The smallest timestamp there is."""
        with self.database.opened() as opened:
            return self._first(opened, f"SELECT min({self.at}) FROM {self.relation}")

    def rows(self, limits: Range) -> Iterator[Batch]:
        """The rows of a range in batches, by a server-side cursor: memory stays flat."""
        where, values = limits.where(self.table.watermark)
        order = f" ORDER BY {', '.join(self.table.watermark)}" if self.table.watermark else ""
        with self.database.opened() as opened:
            if limits.nulls:
                missing = f"SELECT * FROM {self.relation} WHERE {self.at} IS NULL"
                for names, rows in self.database.rows(opened, missing, {}):
                    yield self._rejected(names, rows)
            for names, rows in self.database.rows(opened, f"SELECT * FROM {self.relation}{where}{order}", values):
                yield cells.batch(names, rows, self._place)

    def _first(self, opened: Connection, sql: str, **values: Any) -> Any:
        return self.database.first(opened, sql, values)[0]

    def _rejected(self, names: list[str], rows: Any) -> Batch:
        batch = cells.batch(names, [], self._place)
        for row in rows:
            texts = cells.shown(names, row)
            batch.rejects.append(Reject("null", self.at, "", self._place(texts), row_text(texts)))
        return batch

    def _place(self, row: dict[str, str | None]) -> str:
        """Where a row stands: the connection, and its timestamp and key."""
        named = [row[name] for name in self.table.watermark if name in row] or list(row.values())[:1]
        return f"{self.database.name}: {', '.join(str(part) for part in named)}"

    def _tell_of_the_future(self, opened: Connection, newest: Any, now: datetime) -> None:
        try:
            if as_time(newest) <= now:
                return
        except ValueError:
            return
        separator = "T" if "T" in str(newest) else " "
        later = f"SELECT count(*) FROM {self.relation} WHERE {self.at} > :now"
        number = self._first(opened, later, now=now.isoformat(sep=separator))
        log.warning("rows_from_the_future", table=self.table.name, rows=number, newest=str(newest), source_now=str(now))
