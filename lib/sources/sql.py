"""`sql <connection>: <table or SELECT>`: rows of an operational database, by URL (setting CONNECTION_<NAME>).

Read from the watermark minus the table's lateness up to the newest timestamp at the start of the run, so rows that
were committed late are met again, and rows that come while it reads are left for the next run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from lib import redaction, telemetry
from lib.catalog import TableFile
from lib.errors import Misconfigured, Unavailable
from lib.headers import IDENTIFIER
from lib.reading import BATCH_ROWS, WHOLE, Batch, Known, Part, Window, text_of
from lib.settings import connection

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_WHAT = re.compile(r"(\w+)\s*:\s*(.+)$", re.DOTALL)


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """What has come since the watermark as one part; a range as one part a month, those that are done left out."""
    assert table.source is not None
    found = _WHAT.match(table.source.what)
    if not found:
        raise table.source.line.wrong("expected `sql <connection>: <table or SELECT>`")
    source = _Source(table, found[1], _relation(found[2].strip()))
    if not table.watermark:
        if not table.full:
            raise Misconfigured(f"{table.path}: an incremental SQL source needs `-- watermark: <timestamp>, <key>`")
        yield Part(WHOLE, partial(source.rows, None, None))
        return
    newest = source.newest()
    if newest is None:
        return
    if window.is_range or window.history:
        yield from _ranges(source, known, window, newest)
        return
    stored = known.positions.get(WHOLE)
    low = _before(json.loads(stored)["at"], table.lateness) if stored else None
    if stored and not table.lateness and json.loads(stored)["at"] == text_of(newest):
        return
    yield Part(
        WHOLE,
        partial(source.rows, low, newest),
        from_position=stored or "",
        to_position=_position(newest),
        positions={WHOLE: _position(newest)},
    )


def _ranges(source: _Source, known: Known, window: Window, newest: Any) -> Iterator[Part]:
    """One part a month of the range; the last of a history sets the watermark where the incremental load goes on."""
    first = window.since or _as_time(source.oldest())
    last = window.until or _as_time(newest) + timedelta(microseconds=1)
    while first < last:
        month = (first.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
        until = min(month, last)
        name = f"{first.isoformat()}/{until.isoformat()}"
        if name not in known.names or window.rewrite or until > _as_time(newest):
            final = until >= _as_time(newest) and window.history and not known.positions
            yield Part(
                name,
                partial(source.rows, first.isoformat(sep=" "), until.isoformat(sep=" "), open_end=True),
                from_position=first.isoformat(),
                to_position=until.isoformat(),
                positions={WHOLE: _position(newest)} if final else {},
            )
        first = until


def _position(newest: Any) -> str:
    return json.dumps({"at": text_of(newest)})


def _relation(what: str) -> str:
    if what.upper().startswith(("SELECT", "WITH")):
        return f"({what.rstrip(';')}) nightshift_source"
    if not all(IDENTIFIER.match(part) for part in what.split(".")):
        raise Misconfigured(f"{what!r} is neither the name of a table nor a SELECT")
    return what


def _as_time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value)).replace(tzinfo=None)


def _before(text: str, lateness: timedelta) -> str:
    """The instant `lateness` before a stored one, written as the source writes it; numbers stay as they are."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at - lateness).isoformat(sep="T" if "T" in text else " ")


class _Source:
    """One table or SELECT of one database."""

    def __init__(self, table: TableFile, name: str, relation: str) -> None:
        self.table, self.name, self.relation = table, name, relation

    def newest(self) -> Any:
        """The largest timestamp there is; None for an empty source."""
        return self._bound("max")

    def oldest(self) -> Any:
        """The smallest timestamp there is."""
        return self._bound("min")

    def _bound(self, function: str) -> Any:
        with self._open() as opened:
            return self._execute(
                opened, f"SELECT {function}({self.table.watermark[0]}) FROM {self.relation}", {}
            ).scalar()

    def rows(self, low: Any, high: Any, *, open_end: bool = False) -> Iterator[Batch]:
        """The rows between two timestamps in batches, by a server-side cursor: memory stays flat."""
        limits, values = [], {}
        if low is not None:
            limits.append(f"{self.table.watermark[0]} >= :low")
            values["low"] = low
        if high is not None:
            limits.append(f"{self.table.watermark[0]} {'<' if open_end else '<='} :high")
            values["high"] = high
        where = f" WHERE {' AND '.join(limits)}" if limits else ""
        order = f" ORDER BY {', '.join(self.table.watermark)}" if self.table.watermark else ""
        with self._open() as opened:
            result = self._execute(opened, f"SELECT * FROM {self.relation}{where}{order}", values)
            names = list(result.keys())
            for rows in result.partitions(BATCH_ROWS):
                yield self._batch(names, rows)

    def _batch(self, names: list[str], rows: Any) -> Batch:
        import polars as pl

        columns = {name: [text_of(row[index]) for row in rows] for index, name in enumerate(names)}
        keys = [columns[name] for name in self.table.watermark if name in columns] or list(columns.values())[:1]
        places = [f"{self.name}: {', '.join(str(part) for part in place)}" for place in zip(*keys, strict=True)]
        return Batch(pl.DataFrame({"_source": places, **columns}, schema=dict.fromkeys(["_source", *names], pl.String)))

    def _open(self) -> Connection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return self._engine().connect()
        except SQLAlchemyError as error:
            raise self._told(error) from None

    def _engine(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        from sqlalchemy.pool import NullPool

        try:
            url = connection(self.name).reveal()
            # The URL may hold a password: neither a message nor a log line may show it.
            redaction.hide(url)
            return create_engine(url, poolclass=NullPool)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise Misconfigured(
                f"CONNECTION_{self.name.upper()}: not a URL that can be used: {type(error).__name__}",
                hint="dialect+driver://user:password@host/database; is the driver installed?",
            ) from None

    def _execute(self, opened: Connection, sql: str, values: dict[str, Any]) -> Any:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        with telemetry.span(f"read {self.name}", **{"nightshift.table": self.table.name}):
            try:
                return opened.execution_options(stream_results=True).execute(text(sql), values)
            except SQLAlchemyError as error:
                raise self._told(error) from None

    def _told(self, error: Exception) -> Misconfigured | Unavailable:
        from sqlalchemy.exc import OperationalError

        said = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:200]
        where = f"{self.table.name}: SQL source {self.name}: {said}"
        missing = re.search(r"no such|does not exist|unknown column|denied|authentication", said, re.IGNORECASE)
        if isinstance(error, OperationalError) and not missing:
            return Unavailable(
                where, hint=f"is it up? ./run doctor checks CONNECTION_{self.name.upper()}", service=self.name
            )
        return Misconfigured(where, hint=f"check CONNECTION_{self.name.upper()} and {self.table.path}")
