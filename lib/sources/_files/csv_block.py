"""Whole rows of CSV as vectors, with the proof that there is one way to read them.

Two things are proven of a block. Where there are quotes, every row follows the grammar: a quote begins a field, ends
one, or is doubled within one. And every byte is found again: in a value, or as a delimiter, a quote or a line end. A
row that is too short, an empty line, a number with a zero or a sign before it that would be lost: each is bytes that
are not found again.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib.dialect import Dialect
from lib.sources._files.opened import EXPANDED

if TYPE_CHECKING:
    import polars

# Separates nothing, where lines are wanted: one of them is in no text.
_CONTROLS = [chr(code) for code in range(1, 32) if chr(code) not in "\t\n\r"]


@dataclass(frozen=True)
class Quotes:
    """The quotes of some lines: how many there are, which rows have one, and which lines are the first of a row."""

    count: int
    rows: polars.Series
    begins: polars.Series


@dataclass(frozen=True)
class Block:
    """Lines, each with its end, that are whole rows. `quotes` is None when there are none, and each line is a row."""

    data: bytes
    dialect: Dialect
    quotes: Quotes | None = None

    @classmethod
    def of(cls, data: bytes, dialect: Dialect, *, last: bool) -> Block | None:
        """The rows that are whole in the beginning of `data`; all of it when it is the `last` of its file.

        None when its quotes can be read in more than one way, so that nobody can tell where its rows end.
        """
        data = data + b"\n" if last and not data.endswith(b"\n") else data[: data.rfind(b"\n") + 1]
        # Where a carriage return ends a line by itself, a row may end anywhere.
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            return None
        if not dialect.quote or dialect.quote.encode() not in data:
            return cls(data, dialect)
        return _quoted(data, dialect, last=last)

    def parse(self, columns: tuple[str, ...], integers: Mapping[str, polars.DataType]) -> polars.DataFrame | None:
        """Its rows: text, or integers that were written as Python would write them. An empty field is NULL.

        None for rows that are wider or narrower than the header, an empty line, bytes that are no UTF-8, and for
        anything else in a column of integers.
        """
        import polars as pl

        # An empty line is no row of the csv module, and would be one here.
        if len(columns) == 1:
            return None
        schema = dict.fromkeys(columns, pl.String()) | dict(integers)
        frame = _read(self.data, schema, self.dialect.delimiter, self.dialect.quote)
        if frame is None or not self._is_found_again_in(frame):
            return None
        return frame

    def _is_found_again_in(self, frame: polars.DataFrame) -> bool:
        """Whether the values with all that belongs around them have as many bytes as the block."""
        values = sum(_size(column) for column in frame.iter_columns())
        marks = frame.height * frame.width + (self.data.count(b"\r") if b"\r" in self.data else 0)
        if self.quotes is not None:
            if self.quotes.rows.len() != frame.height:
                return False
            quoted = frame.filter(self.quotes.rows)
            marks += self.quotes.count - self._held(quoted, self.dialect.quote * 2) - self._held(quoted, "\r")
        return values + marks == len(self.data)

    def _held(self, quoted: polars.DataFrame, mark: str) -> int:
        """How often the first letter of a mark, as it is written in the block, stands in values with quotes."""
        if mark.encode() not in self.data:
            return 0
        texts = (column for column in quoted.iter_columns() if not column.dtype.is_integer())
        return sum(int(text.str.count_matches(mark[0], literal=True).sum()) for text in texts)

    def lines(self, frame: polars.DataFrame) -> int:
        """How many lines its rows have."""
        return frame.height if self.quotes is None else self.quotes.begins.len()

    def numbers(self, frame: polars.DataFrame, first: int) -> polars.Series:
        """The line that each of its rows begins at, when the block begins at the line `first`."""
        import polars as pl

        if self.quotes is None or self.quotes.begins.all():
            return pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("_line")
        return (self.quotes.begins.arg_true().cast(pl.Int64) + first).alias("_line")


def _quoted(data: bytes, dialect: Dialect, *, last: bool) -> Block | None:
    """Lines with quotes: the rows that are whole, if they follow the grammar."""
    import polars as pl

    lines = _lines(data)
    if lines is None:
        return None
    marks = lines.str.count_matches(dialect.quote, literal=True).fill_null(0)
    after = marks.cum_sum()
    begins = (after - marks) % 2 == 0
    if after[-1] % 2:
        # The last row goes on in what comes next.
        whole = begins.arg_true()[-1]
        if last:
            return None
        data = data[: _end(data, lines.len() - whole)]
        lines, marks, begins = lines.head(whole), marks.head(whole), begins.head(whole)
    alone = begins & begins.shift(-1, fill_value=True)
    rows = lines.filter(alone & (marks > 0))
    if not alone.all():
        # Lines that a quote holds together.
        held = pl.DataFrame({"text": lines.fill_null(""), "row": begins.cum_sum()}).filter(~alone)
        rows = rows.append(held.group_by("row").agg(pl.col("text").str.join("\n"))["text"])
    if not rows.str.contains(_grammar(dialect)).all():
        return None
    return Block(data, dialect, Quotes(int(marks.sum()), (marks > 0).filter(begins), begins))


def _lines(data: bytes) -> polars.Series | None:
    """The lines without their ends, an empty one as NULL; None when they are no UTF-8."""
    import polars as pl

    apart = next((mark for mark in _CONTROLS if mark.encode() not in data), None)
    frame = _read(data, {"text": pl.String()}, apart, "") if apart else None
    return None if frame is None else frame["text"]


def _read(data: bytes, schema: Mapping[str, polars.DataType], delimiter: str, quote: str) -> polars.DataFrame | None:
    """What polars makes of lines; None for bytes that are no UTF-8, rows that are too wide, values of other types."""
    import polars as pl
    from polars.exceptions import PolarsError

    # A mark of byte order would be dropped.
    if data.startswith((codecs.BOM_UTF8, *EXPANDED)):
        return None
    try:
        return pl.read_csv(
            data,
            has_header=False,
            schema=schema,
            separator=delimiter,
            quote_char=quote or None,
            truncate_ragged_lines=False,
        )
    except PolarsError:
        return None


def _end(data: bytes, lines: int) -> int:
    """Where the lines before the last so many end."""
    at = len(data)
    for _ in range(lines + 1):
        at = data.rfind(b"\n", 0, at)
    return at + 1


def _grammar(dialect: Dialect) -> str:
    """What a row with quotes has to look like."""
    delimiter, quote = (f"\\x{{{ord(mark):x}}}" for mark in (dialect.delimiter, dialect.quote))
    value = f"(?:[^{quote}{delimiter}]*|{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
    return f"^{value}(?:{delimiter}{value})*$"


def _size(values: polars.Series) -> int:
    """The bytes that texts have, or integers when they are written down."""
    if not values.dtype.is_integer():
        return int(values.str.len_bytes().sum())
    sizes = values.drop_nulls().abs()
    # The least integer of a type has no positive counterpart: it is not counted, and the block is read as text.
    sizes = sizes.filter(sizes >= 0)
    if sizes.is_empty():
        return 0
    least, most = (len(str(size)) for size in (sizes.min(), sizes.max()))
    longer = sum(int((sizes >= 10**count).sum()) for count in range(least, most))
    return least * sizes.len() + longer + int((values < 0).sum())


def integers(frame: polars.DataFrame) -> dict[str, polars.DataType]:
    """The columns of text that hold nothing but integers, with a type that holds these."""
    import polars as pl

    found: dict[str, polars.DataType] = {}
    for text in frame.iter_columns():
        wide = next((kind for kind in (pl.Int64(), pl.UInt64()) if _holds(text, kind)), None)
        if wide is not None and text.null_count() < text.len():
            found[text.name] = wide
    return found


def _holds(text: polars.Series, kind: polars.DataType) -> bool:
    return text.cast(kind, strict=False).null_count() == text.null_count()
