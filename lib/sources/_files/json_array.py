"""A JSON file that is one array of objects, read object by object: memory holds an object and a block."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

from lib.reading import BATCH_ROWS, Batch, Reject
from lib.sources._files import json_objects
from lib.sources._files.json_objects import Columns, Fields
from lib.sources._files.opened import BLOCK, SourceFile

# An object larger than this is no row.
LONGEST = 16 * 1024 * 1024
_SPACE = " \t\r\n"


def batches(file: SourceFile, path: Path) -> Iterator[Batch]:
    """The objects as rows; `_line` is the number of the object in the array, from 1.

    An element that is no object is a reject. Raises `DataRefused` for a file that is no array, or a broken one.
    """
    columns: Columns | None = None
    rows: list[Fields] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    for number, text in enumerate(_elements(file, path), 1):
        try:
            rows.append(json_objects.fields(text))
            lines.append(number)
        except ValueError as error:
            rejects.append(json_objects.broken(file, number, text, str(error)))
        if len(rows) + len(rejects) >= BATCH_ROWS:
            columns = columns or Columns(file, _names(file, path))
            yield columns.batch(rows, lines, rejects)
            rows, lines, rejects = [], [], []
    if rows or rejects:
        columns = columns or Columns(file, json_objects.names_of(rows))
        yield columns.batch(rows, lines, rejects)


def _names(file: SourceFile, path: Path) -> Iterator[str]:
    """The fields of all objects: the first may lack what a later one has."""
    for text in _elements(file, path):
        try:
            yield from json_objects.fields(text)
        except ValueError:
            continue


def _elements(file: SourceFile, path: Path) -> Iterator[bytes]:
    with path.open("rb") as data:
        try:
            yield from _Array(file, codecs.getreader("utf-8-sig")(data)).elements()
        except UnicodeDecodeError as error:
            raise file.wrong(f"not UTF-8: {error.reason}") from None


class _Array:
    """The text of an array, from which one element after the other is taken."""

    def __init__(self, file: SourceFile, text: codecs.StreamReader) -> None:
        self._file, self._text = file, text
        self._buffer, self._at = "", 0
        self._ended = False
        self._number = 0
        self._decoder = json.JSONDecoder()

    def elements(self) -> Iterator[bytes]:
        """The elements as they are written."""
        if self._next() != "[":
            raise self._file.wrong("no array of objects", hint="a file with an object a line is called .ndjson")
        self._at += 1
        mark = self._next()
        while mark != "]":
            self._number += 1
            yield self._element().encode("utf-8", "surrogatepass")
            mark = self._next()
            if mark == ",":
                self._at += 1
                if self._next() == "]":
                    raise self._broken("a comma before the end")
            elif mark != "]":
                raise self._broken("cut off" if not mark else f"{mark!r} where a comma should be")
        self._at += 1
        if self._next():
            raise self._broken("there is more after the array")

    def _next(self) -> str:
        """The next character that is no space; "" at the end of the file."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def _element(self) -> str:
        while True:
            try:
                _, end = self._decoder.raw_decode(self._buffer, self._at)
                # A number at the end of the buffer may go on in the next block.
                if end < len(self._buffer) or self._ended:
                    begin, self._at = self._at, end
                    return self._buffer[begin:end]
            except RecursionError:
                raise self._broken("nested too deep") from None
            except ValueError as error:
                if self._ended:
                    raise self._broken(str(error)) from None
            if len(self._buffer) - self._at > LONGEST:
                raise self._broken(f"no object of less than {LONGEST:,} characters")
            self._more()

    def _more(self) -> bool:
        # Twice as much each time: an object of many blocks is not parsed once for each of them.
        more = self._text.read(max(BLOCK, len(self._buffer) - self._at))
        self._ended = not more
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(more)

    def _broken(self, why: str) -> Exception:
        return self._file.wrong(f"broken JSON: {why}", self._number, "was it cut off on its way?")
