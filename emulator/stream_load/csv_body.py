"""Rewrite a CSV body into the canonical form while it arrives.

StarRocks finds rows by the row delimiter first and then splits each by the column separator; without `enclose` and
`escape` no byte is special (be/src/formats/csv/csv_reader.cpp). One-byte delimiters, the usual case, are translated
a chunk at a time, which is exact because a chunk boundary cannot cut a delimiter. Longer ones are split row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from emulator.stream_load.body import CODES, ESCAPE, SEPARATOR, Body, coded
from emulator.stream_load.byte_facts import PointedColumns
from emulator.stream_load.enclosed import rows as enclosed_rows
from emulator.stream_load.headers import LoadOptions

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NATIVE_SEPARATORS = frozenset({b"\x01", b"\t", b",", b"|", b";"})
RESERVED = frozenset(b"\x1f0123")


def write(chunks: Iterable[bytes], options: LoadOptions, names: tuple[str, ...], path: Path) -> Body:
    """Write the body to `path`; `names` are the fields that a row should have."""
    separator, delimiter = options.column_separator, options.row_delimiter
    trim = options.trim_space and not (options.enclose or options.escape)
    chunks = _first_bytes_kept(without_header(chunks, delimiter, options.skip_header))
    with path.open("wb") as file:
        if options.enclose or options.escape:
            is_coded = _write_rows(enclosed_rows(b"".join(chunks), options), file)
            return Body(path, names, coded=is_coded, pointed=frozenset(range(len(names))))
        if (
            len(separator) == len(delimiter) == 1
            and not RESERVED & set(separator + delimiter)
            and separator != delimiter
        ):
            native = separator if separator in NATIVE_SEPARATORS else SEPARATOR
            facts = PointedColumns(native[0], len(names))
            is_coded = _translate(chunks, separator, delimiter, native, file, facts)
            return Body(path, names, separator=native, coded=is_coded, trim=trim, pointed=facts.found())
        rows = (row.split(separator) for row in _split(chunks, delimiter))
        is_coded = _write_rows(rows, file)
        return Body(path, names, coded=is_coded, trim=trim, pointed=frozenset(range(len(names))))


def without_header(chunks: Iterable[bytes], delimiter: bytes, count: int) -> Iterator[bytes]:
    """The body without its first `count` records, whatever they hold."""
    pending, left = b"", count
    for chunk in chunks:
        if not left:
            yield chunk
            continue
        pending += chunk
        while left and (place := pending.find(delimiter)) >= 0:
            pending, left = pending[place + len(delimiter) :], left - 1
        if not left:
            yield pending
            pending = b""


def _first_bytes_kept(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of which the first is long enough to show a byte order mark."""
    pending, started = b"", False
    for chunk in chunks:
        if started:
            yield chunk
            continue
        pending += chunk
        if len(pending) >= len(BYTE_ORDER_MARK):
            started = True
            yield pending
    if not started and pending:
        yield pending


def _translate(
    chunks: Iterable[bytes], separator: bytes, delimiter: bytes, native: bytes, file: object, facts: PointedColumns
) -> bool:
    """Replace one-byte delimiters. Returns whether content bytes had to be coded; `facts` looks at the outcome."""
    write_bytes = file.write  # type: ignore[attr-defined]
    special = [plain for plain in CODES if plain not in (separator, delimiter)]
    if native != SEPARATOR:
        special.remove(SEPARATOR)
    table = bytes.maketrans(separator + delimiter, native + b"\n")
    same = separator == native and delimiter == b"\n"
    is_coded, first = False, True
    for chunk in chunks:
        if first and chunk.startswith(BYTE_ORDER_MARK):
            write_bytes(b"\n")  # the reader would drop the mark at the very start; a blank line is skipped
        first = False
        for plain in special:
            if plain in chunk:
                chunk, is_coded = chunk.replace(plain, CODES[plain]), True
        chunk = chunk if same else chunk.translate(table)
        facts.look(chunk)
        write_bytes(chunk)
    return is_coded


def _split(chunks: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Rows by a delimiter of any length; blank rows are left out, as StarRocks does."""
    pending = b""
    for chunk in chunks:
        *complete, pending = (pending + chunk).split(delimiter)
        yield from filter(None, complete)
    if pending:
        yield pending


def _write_rows(rows: Iterable[list[bytes]], file: object) -> bool:
    """Write split rows. Returns whether content bytes had to be coded."""
    write_bytes = file.write  # type: ignore[attr-defined]
    is_coded, first = False, True
    marks = (ESCAPE, b"\n", b"\r", SEPARATOR)
    for row in rows:
        joined = b"".join(row)
        if any(mark in joined for mark in marks):
            row, is_coded = [coded(field) for field in row], True
        if first and row[0].startswith(BYTE_ORDER_MARK):
            write_bytes(b"\n")
        first = False
        # A row of one empty field would be a blank line, which the reader skips; a NULL mark is not the same.
        write_bytes(SEPARATOR.join(row) + b"\n")
    return is_coded
