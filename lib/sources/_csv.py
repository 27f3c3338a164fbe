"""CSV in blocks of whole rows, each parsed as vectors; whatever is odd about a block goes to lib/sources/_csv_exact.py.

A block is trusted only when its bytes prove that there is one way to read it: quotes stand where the grammar has
them, delimiters and line ends outside quotes are as many as its rows need. Both ways give the same rows, rejects and
lines.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lib.reading import Batch
from lib.sources import _csv_exact
from lib.sources._csv_exact import LONGEST, Shape
from lib.sources._detected import detected
from lib.sources._opened import SourceFile
from lib.sources._placed import nulled, placed

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
            found = _csv_exact.header(file, io.BytesIO(first))
            if found is None:
                return
            shape, size = found
            if size >= BLOCK - len(_BOM):
                raise file.wrong(f"a header of more than {BLOCK:,} bytes", 1, "is that a CSV file?")
            batches = _blocks(file, shape, first[size:], data)
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
        self._left = b""

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        made = self._left or self._text.read(size).encode()
        self._left = made[size:]
        return made[:size]


def _blocks(file: SourceFile, shape: Shape, carry: bytes, data: BinaryIO) -> Iterator[Batch]:
    line, ended = shape.begins, False
    while True:
        if not ended:
            more = data.read(BLOCK)
            ended = not more
            carry += more
        if not carry:
            return
        cut = len(carry) if ended else _cut(carry, file.table.dialect.quote.encode())
        if cut == 0 and len(carry) < 2 * LONGEST:
            continue
        block, carry = carry[:cut], carry[cut:]
        checked = _check(file, block) if block else None
        if checked is None:
            # Where its rows end is not known, so the rest of the file is read row by row.
            yield from _csv_exact.batches(file, shape, _rest(block + carry, data), line)
            return
        made = _parse(file, shape, checked, line)
        if made is None:
            yield from _csv_exact.batches(file, shape, io.BytesIO(block), line)
        else:
            yield made
        line += checked.lines


def _cut(block: bytes, quote: bytes) -> int:
    """Where the last row of a block ends, if its quotes are balanced: after a line end that is not within quotes."""
    end = block.rfind(b"\n") + 1
    if not quote or not end:
        return end
    odd = block.count(quote, 0, end) % 2
    while odd and end:
        before = block.rfind(b"\n", 0, end - 1) + 1
        odd ^= block.count(quote, before, end) % 2
        end = before
    return end


@dataclass(frozen=True)
class _Checked:
    """A block whose quotes are in order: its lines, and what there is outside of its quotes.

    `held` are the line ends within quotes, each as the number of line ends outside of quotes before it.
    """

    block: bytes
    lines: int
    delimiters: int
    line_ends: int
    quoted: bool
    held: list[int]


def _check(file: SourceFile, block: bytes) -> _Checked | None:
    """The block with what stands outside its quotes; None when its quotes can be read in more than one way."""
    dialect = file.table.dialect
    delimiter, quote = dialect.delimiter.encode(), dialect.quote.encode()
    # polars would take a mark of byte order away at the beginning of any block.
    if (b"\r" in block and block.count(b"\r") != block.count(b"\r\n")) or block.startswith(_BOM):
        return None
    if not block.endswith(b"\n"):
        block += b"\n"
    lines = block.count(b"\n")
    if not quote or quote not in block:
        return _Checked(block, lines, block.count(delimiter), lines, False, [])
    segments = block.split(quote)
    outside = segments[::2]
    if len(segments) % 2 == 0 or not _in_order(outside, delimiter):
        return None
    text = b"".join(outside)
    line_ends = text.count(b"\n")
    held = _held(segments) if line_ends != lines else []
    return _Checked(block, lines, text.count(delimiter), line_ends, True, held)


def _in_order(outside: list[bytes], delimiter: bytes) -> bool:
    """Whether quotes stand only where a field begins or ends, or doubled within one.

    `outside` is what stands between closing and opening quotes: between the two of a doubled quote, nothing.
    """
    ends, begins = delimiter + b"\n", delimiter + b"\r\n"
    first, last, between = outside[0], outside[-1], set(outside[1:-1])
    if (first and first[-1] not in ends) or not last or last[0] not in begins:
        return False
    return all(not part or (part[0] in begins and part[-1] in ends) for part in between)


def _held(segments: list[bytes]) -> list[int]:
    found: list[int] = []
    rows = 0
    for index, segment in enumerate(segments):
        ends = segment.count(b"\n")
        if index % 2:
            found += [rows] * ends
        else:
            rows += ends
    return found


def _parse(file: SourceFile, shape: Shape, checked: _Checked, line: int) -> Batch | None:
    """The rows of a block; None when some are wider or narrower than the header, empty, or no UTF-8."""
    import polars as pl
    from polars.exceptions import PolarsError

    width, block = len(shape.columns), checked.block
    # An empty line is no row of the csv module, and would be one here.
    if width == 1 or block.startswith((b"\n", b"\r\n")):
        return None
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            schema=dict.fromkeys(shape.columns, pl.String),
            separator=file.table.dialect.delimiter,
            quote_char=file.table.dialect.quote or None,
            truncate_ragged_lines=False,
            encoding="utf8",
        )
    except PolarsError:
        return None
    if frame.height != checked.line_ends or checked.delimiters != frame.height * (width - 1):
        return None
    # Searching for two bytes is slow, and most files have no backslash.
    sendable = not any(mark in block for mark in (b"\0", b"\x01", b"\x02")) and not (b"\\" in block and b"\\N" in block)
    rows = placed(_nulled(file, frame, quoted=checked.quoted), file, _numbers(frame.height, checked.held, line))
    return Batch(rows, sendable=sendable)


def _nulled(file: SourceFile, frame: polars.DataFrame, *, quoted: bool) -> polars.DataFrame:
    """polars reads an empty field as NULL and a quoted one as text; the csv module cannot tell them apart."""
    import polars as pl

    texts = file.table.nulls
    if texts == ("",):
        return frame.with_columns(pl.when(pl.all() != "").then(pl.all())) if quoted else frame
    return nulled(frame if "" in texts else frame.with_columns(pl.all().fill_null("")), texts)


def _numbers(height: int, held: list[int], first: int) -> polars.Series:
    """The line that each row begins at: one after the other, further on by the line ends that fields before it hold."""
    import polars as pl

    numbers = pl.int_range(first, first + height, dtype=pl.Int64, eager=True).alias("_line")
    if not held:
        return numbers
    counts = pl.Series("row", held, dtype=pl.Int64).value_counts(name="more")
    ends = pl.DataFrame({"row": pl.int_range(0, height, dtype=pl.Int64, eager=True)})
    more = ends.join(counts, on="row", how="left", maintain_order="left")["more"].fill_null(0).cast(pl.Int64)
    return (numbers + more.cum_sum().shift(1, fill_value=0)).alias("_line")


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
        if self._begun:
            size = min(len(buffer), len(self._begun))
            buffer[:size] = self._begun[:size]
            self._begun = self._begun[size:]
            return size
        chunk = self._data.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
