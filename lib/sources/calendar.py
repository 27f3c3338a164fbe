"""`calendar <from> <until>`: one row a day with the column `date`, half-open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

from lib.catalog import TableFile
from lib.reading import Batch, Known, Part, Window


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """The whole calendar, when the table file has changed since it was loaded."""
    assert table.source is not None
    bounds = table.source.what.split()
    try:
        first, last = (date.fromisoformat(text) for text in bounds)
    except ValueError:
        raise table.source.line.wrong("expected two dates: calendar 2024-01-01 2031-01-01") from None
    if first >= last:
        raise table.source.line.wrong("the first date must be before the second")
    content = hashlib.sha256(f"{bounds} {table.columns}".encode()).hexdigest()
    if content not in known.contents or window.rewrite:
        yield Part("calendar", lambda: _days(first, last), content, str(first), str(last))


def _days(first: date, last: date) -> Iterator[Batch]:
    import polars as pl

    days = pl.date_range(first, last, closed="left", eager=True).dt.to_string("%Y-%m-%d")
    yield Batch(pl.DataFrame({"_source": days, "date": days}))
