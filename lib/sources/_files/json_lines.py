"""NDJSON: one JSON object a line, in blocks of lines. Lines of the same shape go as vectors, the others one by one."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lib.reading import Batch, Reject
from lib.sources._files import json_objects, json_shapes
from lib.sources._files.json_objects import Columns, Fields
from lib.sources._files.json_shapes import Shape
from lib.sources._files.opened import EXPANDED, SourceFile
from lib.sources._files.placed import placed

if TYPE_CHECKING:
    import polars

# Of 8 MiB the system takes twice the time for memory, of 1 MiB the shapes have to be set up too often.
BLOCK = 4 * 1024 * 1024
# A line larger than this is no row.
LONGEST = 16 * 1024 * 1024
# Shapes that are looked for in a file, and lines that are too few to look for one more.
_SHAPES, _FEW = 16, 20
# Lines from which it is told what the values of a shape are.
_SAMPLE = 30


def batches(file: SourceFile, path: Path) -> Iterator[Batch]:
    """Reads the rows in their order; a field that an object lacks is NULL.

    A line that is no object is a reject; empty lines are none. Raises `DataRefused` for a line of more than 16 MiB.
    """
    shapes: list[Shape] = []
    columns: Columns | None = None
    line = 1
    for block in _blocks(file, path):
        lines = _parsed(file, block, line, shapes)
        if columns is None:
            columns = Columns(file, _names(file, path, lines, shapes))
        yield _batch(file, columns, lines)
        line += lines.count


@dataclass
class _Lines:
    """Lines that have been read: as vectors by their shape (`_line` and fields), one by one, and not at all."""

    vectors: list[polars.DataFrame] = field(default_factory=list)
    rows: list[Fields] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    sendable: bool = True
    count: int = 0

    def by_line(self) -> dict[int, list[str]]:
        """The fields of the lines; of those that have the same ones together, of the first."""
        found = {int(frame["_line"][0]): frame.columns[1:] for frame in self.vectors}
        return found | {number: list(row) for number, row in zip(self.numbers, self.rows, strict=True)}

    def names(self) -> list[str]:
        """The fields that there are, those of the first lines first."""
        return list(dict.fromkeys(name for _, names in sorted(self.by_line().items()) for name in names))


def _blocks(file: SourceFile, path: Path) -> Iterator[bytes]:
    """Whole lines, each with its end; blank ones at the end of the file are left out."""
    with path.open("rb") as data:
        begin = 0
        while True:
            # Where a line ends is looked for first, so that no byte is copied.
            data.seek(begin + BLOCK - 1)
            data.readline(LONGEST + 1)
            end = data.tell()
            data.seek(begin)
            block = data.read(end - begin)
            if not block or (block.isspace() and not data.read(1)):
                return
            last = block.rfind(b"\n", 0, BLOCK - 1) + 1
            if len(block) - last > LONGEST:
                line = _line_at(data, begin + last)
                raise file.wrong(f"a line of more than {LONGEST:,} bytes", line, "is that an NDJSON file?")
            yield block if block.endswith(b"\n") else block + b"\n"
            begin = end


def _line_at(data: BinaryIO, end: int) -> int:
    """The number of the line that begins at a place of the file."""
    data.seek(0)
    return 1 + sum(data.read(min(BLOCK, end - begin)).count(b"\n") for begin in range(0, end, BLOCK))


def _names(file: SourceFile, path: Path, first: _Lines, shapes: list[Shape]) -> list[str]:
    """The fields of the file: those of its first block, when one line there has all of them.

    Else they differ from line to line, and the file is looked through to its end.
    """
    found = first.names()
    if any(len(names) == len(found) for names in first.by_line().values()):
        return found
    for block in _blocks(file, path):
        found += [name for name in _parsed(file, block, 1, shapes).names() if name not in found]
    return found


def _parsed(file: SourceFile, block: bytes, line: int, shapes: list[Shape]) -> _Lines:
    """The lines of a block, the first of which is `line`. Shapes that are met for the first time are added."""
    made = _Lines()
    if line == 1:
        block = block.removeprefix(codecs.BOM_UTF8)
    rest = _lines(block, line)
    if rest is None:
        # Bytes that are no UTF-8 become what no JSON may hold, and so a reject.
        texts = block.decode("utf-8", "surrogateescape").split("\n")[:-1]
        made.count = len(texts)
        _read(file, made, enumerate(texts, line))
        return made
    made.count = rest.height
    tried: set[Shape] = set()
    while rest.height and (shape := _next_shape(rest, shapes, tried)):
        tried.add(shape)
        frame, rest, sendable = json_shapes.fitting(rest, shape)
        made.sendable &= sendable
        if frame.height:
            made.vectors.append(frame)
    _read(file, made, rest.iter_rows())
    return made


def _next_shape(rest: polars.DataFrame, shapes: list[Shape], tried: set[Shape]) -> Shape | None:
    """A known shape that has not been tried, or a new one of the first lines; none when few lines are left."""
    for shape in shapes:
        if shape not in tried:
            return shape
    known = {shape.frame: shape for shape in shapes}
    if rest.height <= _FEW:
        return None
    for frame, found in json_shapes.shapes(rest["text"].head(_SAMPLE)).items():
        shape = found.with_values_of(known.get(frame))
        if shape not in shapes and (frame in known or len(known) < _SHAPES):
            shapes[:] = [*(other for other in shapes if other.frame != frame), shape]
            return shape
    return None


def _lines(block: bytes, first: int) -> polars.DataFrame | None:
    """`_line` and `text`; None for bytes that are no UTF-8, or begin as what polars would expand."""
    import polars as pl
    from polars.exceptions import PolarsError

    if block.startswith(EXPANDED):
        return None
    try:
        lines = pl.read_lines(block, name="text")
    except PolarsError:
        return None
    numbers = pl.int_range(first, first + lines.height, dtype=pl.Int64, eager=True)
    return lines.insert_column(0, numbers.alias("_line"))


def _read(file: SourceFile, made: _Lines, lines: Iterable[tuple[int, str]]) -> None:
    """Reads lines one by one; blank ones are none."""
    for number, text in lines:
        if not text.strip():
            continue
        data = text.encode("utf-8", "surrogateescape")
        try:
            made.rows.append(json_objects.fields(data))
            made.numbers.append(number)
        except ValueError as error:
            made.rejects.append(json_objects.broken(file, number, data, str(error)))


def _batch(file: SourceFile, columns: Columns, lines: _Lines) -> Batch:
    """The rows of some lines, in their order."""
    import polars as pl

    others = columns.batch(lines.rows, lines.numbers, lines.rejects)
    if not lines.vectors:
        return others
    # A field with the name of the line number is in none of these, and nothing of it is kept.
    names = [name for name in columns.names if name != "_line"]
    frames = []
    for frame in lines.vectors:
        columns.check(frame.columns[1:], int(frame["_line"][0]))
        lacking = [pl.lit(None, pl.String).alias(name) for name in names if name not in frame.columns]
        frames.append(frame.with_columns(lacking).select("_line", *names))
    rows = frames[0] if len(frames) == 1 else pl.concat(frames).sort("_line")
    made = placed(rows.select(names), file, rows["_line"])
    if others.frame.height:
        made = pl.concat([made, others.frame.select(made.columns)]).sort("_line")
    return Batch(made, lines.rejects, sendable=lines.sendable and not lines.rows)
