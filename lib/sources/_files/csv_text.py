"""CSV in blocks of whole rows, each parsed as vectors; whatever is odd about a block goes to csv_exact, row by row.

A block is trusted only when it proves that there is one way to read it (csv_block). Both ways give the same rows,
rejects and lines.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lib.background import ahead
from lib.dialect import Dialect
from lib.reading import Batch
from lib.sources._files import csv_exact
from lib.sources._files.csv_block import Block, integers
from lib.sources._files.csv_exact import LONGEST, Shape
from lib.sources._files.detected import detected
from lib.sources._files.opened import SourceFile
from lib.sources._files.placed import nulled, placed

if TYPE_CHECKING:
    import polars

BLOCK = 8 * 1024 * 1024
_BOM = codecs.BOM_UTF8


def batches(file: SourceFile, path: Path) -> Iterator[Batch]:
    """Reads a CSV file by its header: names in any order, BOM, CRLF, LF or CR, quotes and newlines within them.

    Raises `DataRefused` for what spoils a whole file: bytes that are no text, no header or a doubled name in it, a
    quote that is never closed, a line of more than 16 Mi characters.
    """
    file = detected(file, path)
    with path.open("rb") as raw:
        data = _utf8(file, raw)
        try:
            first = data.read(BLOCK).removeprefix(_BOM)
            found = csv_exact.header(file, io.BytesIO(first))
            if found is None:
                return
            shape, size = found
            if size >= BLOCK - len(_BOM):
                raise file.wrong(f"a header of more than {BLOCK:,} bytes", 1, "is that a CSV file?")
            batches = _rows(file, shape, first[size:], data)
            yield next(batches, _nothing(file, shape))
            yield from batches
        except UnicodeDecodeError as error:
            raise file.wrong(f"not {error.encoding}: {error.reason}", hint="-- dialect: encoding=") from None


def _nothing(file: SourceFile, shape: Shape) -> Batch:
    """No row, but the header's names: those of a file without rows are looked at as well."""
    import polars as pl

    frame = pl.DataFrame(schema=dict.fromkeys(shape.columns, pl.String))
    return Batch(placed(frame, file, pl.Series("_line", [], dtype=pl.Int64)), sendable=True)


def _utf8(file: SourceFile, raw: BinaryIO) -> BinaryIO:
    if file.table.dialect.is_utf8:
        return raw
    return cast(BinaryIO, _Recoded(raw, file.table.dialect.encoding))


class _Recoded:
    """Text of another encoding as UTF-8. Raises `UnicodeDecodeError` where it is none, or cut off in a character."""

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(raw, encoding, newline="")

    def read(self, size: int) -> bytes:
        """The bytes of so many characters at most; none at the end."""
        return self._text.read(size).encode()

    def readline(self, size: int) -> bytes:
        """What is left of a line, of so many characters at most."""
        return self._text.readline(size).encode()


def _rows(file: SourceFile, shape: Shape, carry: bytes, data: BinaryIO) -> Iterator[Batch]:
    reader = _Reader(file, shape, shape.begins)
    # Where the rows of the next block end is found out while those of this one are taken apart.
    for block in ahead(_blocks(file.table.dialect, carry, data)):
        if isinstance(block, Block):
            yield from reader.batches(block)
        else:
            yield from csv_exact.batches(file, shape, _rest(block, data), reader.line)


def _blocks(dialect: Dialect, carry: bytes, data: BinaryIO) -> Iterator[Block | bytes]:
    """Blocks of whole rows; at last the bytes from which on nobody can tell where rows end, if there are such."""
    ended = False
    while True:
        more = b"" if ended else data.read(BLOCK)
        ended = not more
        # Up to the end of a line: most blocks are used as they are, for copies cost as much as a look at every byte.
        piece = b"".join((carry, more, b"" if ended else data.readline(LONGEST)))
        if not piece:
            return
        block = Block.of(piece, dialect, last=ended)
        if block and not block.data and len(piece) < 2 * LONGEST:
            carry = piece
            continue
        if not block or not block.data:
            yield piece
            return
        carry = piece[len(block.data) :]
        yield block


@dataclass
class _Reader:
    """Reads one block of a file after the other, the next of which begins at `line`.

    Columns that hold nothing but integers in the first block are read as integers, as long as they do.
    """

    file: SourceFile
    shape: Shape
    line: int
    _integers: dict[str, polars.DataType] | None = None

    def batches(self, block: Block) -> Iterator[Batch]:
        """The rows of a block."""
        begins = self.line
        frame = self._parsed(block)
        if frame is None:
            self.line += block.data.count(b"\n")
            yield from csv_exact.batches(self.file, self.shape, io.BytesIO(block.data), begins)
            return
        self.line += block.lines(frame)
        rows = placed(self._nulled(frame), self.file, block.numbers(frame, begins))
        yield Batch(rows, sendable=_is_sendable(block.data))

    def _parsed(self, block: Block) -> polars.DataFrame | None:
        if self._integers:
            frame = block.parse(self.shape.columns, self._integers)
            if frame is not None:
                return frame
            self._integers = {}
        frame = block.parse(self.shape.columns, {})
        if self._integers is None and frame is not None:
            # Where NULL is written by a word, the column is text with such words.
            self._integers = integers(frame) if self.file.table.nulls == ("",) else {}
        return frame

    def _nulled(self, frame: polars.DataFrame) -> polars.DataFrame:
        """polars reads an empty field as NULL and a quoted one as text; the csv module cannot tell them apart."""
        import polars as pl

        texts = self.file.table.nulls
        if texts == ("",):
            return frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
        return nulled(frame if "" in texts else frame.with_columns(pl.all().fill_null("")), texts)


def _is_sendable(block: bytes) -> bool:
    # Searching for two bytes is slow, and most files have no backslash.
    return not any(mark in block for mark in (b"\0", b"\x01", b"\x02")) and not (b"\\" in block and b"\\N" in block)


def _rest(begun: bytes, data: BinaryIO) -> io.BufferedReader:
    return io.BufferedReader(_Joined(begun, data), 1024 * 1024)


class _Joined(io.RawIOBase):
    """Bytes that have been read already, and those that follow."""

    def __init__(self, begun: bytes, data: BinaryIO) -> None:
        self._begun = memoryview(begun)
        self._data = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._begun:
            self._begun = memoryview(self._data.read(len(buffer)))
        size = min(len(buffer), len(self._begun))
        buffer[:size] = self._begun[:size]
        self._begun = self._begun[size:]
        return size
