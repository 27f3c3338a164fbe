"""CSV with `enclose` or `escape`: the state machine of StarRocks' second CSV parser.

An enclosed field starts only at the start of a field; a doubled enclose character stands for one; the escape
character takes the next delimiter, enclose or escape character literally and is itself dropped; what follows a
closing enclose character belongs to the field, whose last character is then cut off
(be/src/formats/csv/csv_reader.cpp, more_rows()).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.stream_load.headers import LoadOptions


class _Reader:
    """Reads fields from `data`, which ends with the row delimiter."""

    def __init__(self, data: bytes, options: LoadOptions) -> None:
        self.separator, self.delimiter = options.column_separator, options.row_delimiter
        self.enclose, self.escape, self.trim = options.enclose, options.escape, options.trim_space
        self.data = data if data.endswith(self.delimiter) else data + self.delimiter
        self.position = 0
        marks = [self.delimiter, self.separator, self.enclose, self.escape]
        self.ordinary = re.compile(b"|".join(re.escape(mark) for mark in marks if mark))
        self.enclosed = re.compile(b"|".join(re.escape(mark) for mark in (self.enclose, self.escape) if mark))

    def at(self, mark: bytes) -> bool:
        return bool(mark) and self.data.startswith(mark, self.position)

    def field(self) -> tuple[bytes, bytes]:
        """The next field and the delimiter after it (b"" at the end of the data)."""
        if self.trim:
            while self.at(b" "):
                self.position += 1
        if self.at(self.enclose) and not self.at(self.escape):
            return self._enclosed()
        return self._ordinary(self.position, b"", None)

    def _ordinary(self, start: int, before: bytes, end_of_enclosed: int | None) -> tuple[bytes, bytes]:
        """Read up to the next delimiter; `before` is what was already read of the field."""
        parts = [before]
        while (found := self.ordinary.search(self.data, self.position)) is not None:
            mark = found.group()
            parts.append(self.data[start : found.start()])
            self.position = found.end()
            if mark in (self.delimiter, self.separator) and mark not in (self.enclose, self.escape):
                return self._finished(parts, end_of_enclosed), mark
            start = self.position
            if mark == self.escape:
                parts.append(self._escaped())
            else:  # the enclose character inside of a field: dropped, and the next byte is taken as it is
                parts.append(self.data[self.position : self.position + 1])
                self.position += 1
            start = self.position
        parts.append(self.data[start:])
        self.position = len(self.data)
        return self._finished(parts, end_of_enclosed), b""

    def _finished(self, parts: list[bytes], end_of_enclosed: int | None) -> bytes:
        whole = b"".join(parts)
        if end_of_enclosed is None:
            return whole
        return whole[:end_of_enclosed] if self.trim and whole[end_of_enclosed:][1:2] == b" " else whole[:-1]

    def _escaped(self) -> bytes:
        """What follows an escape character: a mark is taken literally, anything else stays for the caller."""
        for mark in (self.enclose, self.escape, self.delimiter, self.separator):
            if self.at(mark):
                self.position += len(mark)
                return mark
        return b""

    def _enclosed(self) -> tuple[bytes, bytes]:
        self.position += 1
        start, parts = self.position, []
        while (found := self.enclosed.search(self.data, self.position)) is not None:
            parts.append(self.data[start : found.start()])
            self.position = found.end()
            if found.group() == self.escape and self.escape != self.enclose:
                parts.append(self._escaped())
            elif self.at(self.enclose):
                parts.append(self.enclose)
                self.position += 1
            else:
                inside = b"".join(parts)
                return self._ordinary(self.position, inside + self.enclose, len(inside))
            start = self.position
        rest = self.data[start:].removesuffix(self.delimiter)
        self.position = len(self.data)
        return b"".join([*parts, rest])[:-1], b""


def rows(data: bytes, options: LoadOptions) -> Iterator[list[bytes]]:
    """The rows of a body as lists of fields; empty rows are skipped."""
    if not data:
        return
    reader = _Reader(data, options)
    row: list[bytes] = []
    while reader.position < len(reader.data):
        start = reader.position
        field, mark = reader.field()
        row.append(field)
        if mark == reader.separator and mark != reader.delimiter:
            continue
        if len(row) > 1 or reader.data[start : reader.position] != reader.delimiter:
            yield row
        row = []
    if row:
        yield row
