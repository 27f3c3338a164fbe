"""NDJSON: one JSON object a line, in blocks of lines. Lines of the same shape go as vectors, the others one by one."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lib.reading import Batch, Reject
from lib.sources import _json_shapes, _objects
from lib.sources._json_shapes import Shape
from lib.sources._objects import Columns, Fields
from lib.sources._opened import SourceFile
from lib.sources._placed import placed

if TYPE_CHECKING:
    import polars

BLOCK = 8 * 1024 * 1024
# A line larger than this is no row.
LONGEST = 16 * 1024 * 1024
# Shapes that are looked for in a file, and lines that are too few to look for one more.
_SHAPES, _FEW = 16, 20


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
        line += block.count(b"\n")


@dataclass
class _Lines:
    """Lines that have been read: as vectors by their shape (`_line` and fields), one by one, and not at all."""

    vectors: list[polars.DataFrame] = field(default_factory=list)
    rows: list[Fields] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    sendable: bool = True

    def by_line(self) -> dict[int, list[str]]:
        """The fields of the lines; of those that have the same ones together, of the first."""
        found = {int(frame["_line"][0]): frame.columns[1:] for frame in self.vectors}
        return found | {number: list(row) for number, row in zip(self.numbers, self.rows, strict=True)}

    def names(self) -> list[str]:
        """The fields that there are, those of the first lines first."""
        return list(dict.fromkeys(name for _, names in sorted(self.by_line().items()) for name in names))


def _blocks(file: SourceFile, path: Path) -> Iterator[bytes]:
    """Whole lines, each with its end; a file smaller than a block is one."""
    with path.open("rb", buffering=0) as data:
        line = 1
        carry = data.read(BLOCK)
        while more := data.read(BLOCK):
            cut = carry.rfind(b"\n") + 1
            if cut:
                yield carry[:cut]
                line += carry.count(b"\n", 0, cut)
            end = more.find(b"\n")
            if len(carry) - cut + (len(more) if end < 0 else end) > LONGEST:
                raise file.wrong(f"a line of more than {LONGEST:,} bytes", line, "is that an NDJSON file?")
            carry = carry[cut:] + more
        if carry.strip():
            yield carry if carry.endswith(b"\n") else carry + b"\n"


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
    rest = _lines(block, line)
    if rest is None:
        # Bytes that are no UTF-8 become what no JSON may hold, and so a reject.
        texts = block.decode("utf-8", "surrogateescape").split("\n")[:-1]
        _read(file, made, enumerate(texts, line))
        return made
    for number in range(_SHAPES):
        if number == len(shapes):
            shapes += _new_shape(rest, shapes)
        if number == len(shapes) or rest.is_empty():
            break
        frame, sendable = _json_shapes.fitting(rest, shapes[number])
        made.sendable &= sendable
        if frame.height:
            made.vectors.append(frame)
            rest = rest.join(frame.select("_line"), on="_line", how="anti", maintain_order="left")
    _read(file, made, rest.iter_rows())
    return made


def _new_shape(rest: polars.DataFrame, shapes: list[Shape]) -> list[Shape]:
    """The shape of one of the first lines that have none of the known ones; none when few lines are left."""
    if rest.height <= _FEW:
        return []
    found = filter(None, map(_json_shapes.shape, rest["text"].head(_FEW + 1)))
    return [shape for shape in found if shape not in shapes][:1]


def _lines(block: bytes, first: int) -> polars.DataFrame | None:
    """`_line` and `text`; None for bytes that are no UTF-8, or not to be told apart as lines."""
    import polars as pl
    from polars.exceptions import PolarsError

    if first > 1 and block.startswith(codecs.BOM_UTF8):
        # polars would take the mark away, which is none within a file.
        return None
    try:
        # No value is taken apart: no JSON has the byte 1.
        texts = pl.read_csv(block, has_header=False, schema={"text": pl.String}, separator="\x01", quote_char=None)
    except PolarsError:
        return None
    numbers = pl.int_range(first, first + texts.height, dtype=pl.Int64, eager=True).alias("_line")
    count = block.count(b"\n")
    return texts.insert_column(0, numbers).with_columns(pl.col("text").fill_null("")) if len(texts) == count else None


def _read(file: SourceFile, made: _Lines, lines: Iterable[tuple[int, str]]) -> None:
    """Reads lines one by one; blank ones are none."""
    for number, text in lines:
        if not text.strip():
            continue
        data = (text.removeprefix("\ufeff") if number == 1 else text).encode("utf-8", "surrogateescape")
        try:
            made.rows.append(_objects.fields(data))
            made.numbers.append(number)
        except ValueError as error:
            made.rejects.append(_objects.broken(file, number, data, str(error)))


def _batch(file: SourceFile, columns: Columns, lines: _Lines) -> Batch:
    """The rows of some lines, in their order."""
    import polars as pl

    others = columns.batch(lines.rows, lines.numbers, lines.rejects)
    if not lines.vectors:
        return others
    frames = []
    for frame in lines.vectors:
        columns.check(frame.columns[1:], int(frame["_line"][0]))
        lacking = [pl.lit(None, pl.String).alias(name) for name in columns.names if name not in frame.columns]
        frames.append(frame.with_columns(lacking).select("_line", *columns.names))
    rows = frames[0] if len(frames) == 1 else pl.concat(frames).sort("_line")
    made = placed(rows.select(columns.names), file, rows["_line"])
    if others.frame.height:
        made = pl.concat([made, others.frame.select(made.columns)]).sort("_line")
    return Batch(made, lines.rejects, sendable=lines.sendable and not lines.rows)
