"""CSV row by row, by the csv module: what any file means. lib/sources/_files/csv_text.py is the fast way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lib.reading import BATCH_ROWS, Batch, Reject
from lib.sources._files.opened import SourceFile

# A line or a field larger than this is a quote that was never closed, or no CSV.
LONGEST = 16 * 1024 * 1024


@dataclass(frozen=True)
class Shape:
    """What every row of a file has: its columns, and the line after its header."""

    columns: tuple[str, ...]
    begins: int


def header(file: SourceFile, beginning: io.BytesIO) -> tuple[Shape, int] | None:
    """The shape, and how many bytes of UTF-8 the header has; None for a file of no bytes.

    Raises `DataRefused` for a doubled name and for a header that cannot be read.
    """
    used = 0

    def counted(lines: Iterator[str]) -> Iterator[str]:
        nonlocal used
        for line in lines:
            used += len(line.encode())
            yield line

    with io.TextIOWrapper(beginning, encoding="utf-8", newline="") as text:
        reader = csv.reader(counted(_lines(file, text, 0)), **_options(file))
        try:
            names = next(reader, None)
        except csv.Error as error:
            raise file.wrong(str(error), 1, "is the file cut off in its header?") from None
        except UnicodeDecodeError as error:
            raise file.wrong(f"not UTF-8: {error.reason}", 1, "declare it: -- dialect: encoding=") from None
    if names is None:
        return None
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise file.wrong(f"the header has {', '.join(doubled)} more than once", 1)
    return Shape(tuple(names), reader.line_num + 1), used


def batches(file: SourceFile, shape: Shape, data: io.BytesIO | io.BufferedReader, line: int) -> Iterator[Batch]:
    """The rows of bytes in UTF-8 whose first line is `line`.

    Raises `DataRefused` for what spoils a whole file: bytes that are no text, a quote that is never closed.
    """
    before = line - 1
    rows: list[list[str]] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    with io.TextIOWrapper(data, encoding="utf-8", newline="") as text:
        reader = csv.reader(_lines(file, text, before), **_options(file))
        try:
            for row in reader:
                begins, line = line, before + reader.line_num + 1
                if not row:
                    continue
                if len(row) != len(shape.columns):
                    rejects.append(_wrong_width(row, shape, f"{file.name}:{begins}"))
                else:
                    rows.append(row)
                    lines.append(begins)
                if len(rows) + len(rejects) >= BATCH_ROWS:
                    yield _batch(file, shape, rows, lines, rejects)
                    rows, lines, rejects = [], [], []
        except csv.Error as error:
            raise file.wrong(str(error), line, "is the file cut off in a row?") from None
        except UnicodeDecodeError as error:
            raise file.wrong(f"not UTF-8 after line {line - 1}: {error.reason}", hint="-- dialect: encoding=") from None
    if rows or rejects:
        yield _batch(file, shape, rows, lines, rejects)


def _options(file: SourceFile) -> dict[str, Any]:
    dialect = file.table.dialect
    csv.field_size_limit(LONGEST)
    if not dialect.quote:
        return {"delimiter": dialect.delimiter, "quoting": csv.QUOTE_NONE, "strict": True}
    return {"delimiter": dialect.delimiter, "quotechar": dialect.quote, "strict": True}


def _lines(file: SourceFile, text: io.TextIOBase, before: int) -> Iterator[str]:
    """Lines as they are, none longer than memory can bear."""
    number = before
    while line := text.readline(LONGEST):
        number += 1
        if len(line) == LONGEST and line[-1] not in "\r\n":
            raise file.wrong(f"a line of more than {LONGEST:,} characters", number, "is that a CSV file?")
        yield line


def _wrong_width(row: list[str], shape: Shape, place: str) -> Reject:
    told = f"{len(row)} fields, expected {len(shape.columns)}"
    return Reject("columns", "", told, place, ",".join(row)[:65000])


def _batch(file: SourceFile, shape: Shape, rows: list[list[str]], lines: list[int], rejects: list[Reject]) -> Batch:
    import polars as pl

    from lib.sources._files.placed import nulled, placed

    made = pl.DataFrame(rows, schema=dict.fromkeys(shape.columns, pl.String), orient="row")
    return Batch(placed(nulled(made, file.table.nulls), file, pl.Series("_line", lines, dtype=pl.Int64)), rejects)
