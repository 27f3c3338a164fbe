"""What the bytes of a body say about the quickest exact way to read it, found a block at a time with numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
BLOCK_BYTES = 8 << 20
POINT, UNDERSCORE, COLON, QUOTE, MINUS, NEW_LINE, ZERO, NINE, SPACE = b'._:"-\n09 '


class PointedColumns:
    """Which columns of a CSV body hold a point or an underscore: their whole numbers need a closer look.

    A point before the fraction of a second (`12:30:15.250`) counts for nothing. Rows of another number of fields than
    `columns` make the answer: every one.
    """

    def __init__(self, separator: int, columns: int) -> None:
        self._separator, self._columns = separator, columns
        self._fields = self._rows = 0
        self._found: set[int] = set()
        self._before = b""

    def look(self, chunk: bytes) -> None:
        """Take the next piece of the body, delimited by the separator and new lines."""
        data = np.frombuffer(chunk, np.uint8)
        if b"." in chunk or b"_" in chunk:
            marks = _marks(np.frombuffer(self._before + chunk, np.uint8)) - len(self._before)
            if len(marks := marks[marks >= 0]):
                ends = np.flatnonzero((data == self._separator) | (data == NEW_LINE))
                columns = (self._fields + np.searchsorted(ends, marks)) % self._columns
                self._found.update(np.unique(columns).tolist())
        rows = int(np.count_nonzero(data == NEW_LINE))
        self._rows += rows
        self._fields += rows + int(np.count_nonzero(data == self._separator))
        self._before = (self._before + chunk)[-3:] if len(chunk) < 3 else chunk[-3:]

    def found(self) -> frozenset[int]:
        """Positions of the columns."""
        whole = not self._before or self._before.endswith(b"\n")
        rows = self._rows if whole else self._rows + 1
        fields = self._fields if whole else self._fields + 1
        regular = rows * self._columns == fields
        return frozenset(self._found) if regular else frozenset(range(self._columns))


def _marks(data: Bytes) -> NDArray[np.intp]:
    points = np.flatnonzero(data == POINT)
    fractions = (points >= 3) & (data[points - 3] == COLON)
    return np.sort(np.concatenate((points[~fractions], np.flatnonzero(data == UNDERSCORE))))


def _blocks(path: Path) -> Iterator[tuple[Bytes, int, int]]:
    """(the file, start, end) of each block."""
    data: Bytes = np.memmap(path, np.uint8, "r")
    for start in range(0, len(data), BLOCK_BYTES):
        yield data, start, min(start + BLOCK_BYTES, len(data))


def quotes_enclose_fields(path: Path, quote: int, separator: int) -> bool:
    """Whether every quote of a CSV file opens a field, closes one, or is one of a pair inside: then any parser agrees.

    Rows end with a new line.
    """
    closes = False
    for data, start, end in _blocks(path):
        places = np.flatnonzero(data[start:end] == quote) + start
        if not len(places):
            continue
        before = np.where(places > 0, data[np.maximum(places - 1, 0)], NEW_LINE)
        after = np.where(places < len(data) - 1, data[np.minimum(places + 1, len(data) - 1)], NEW_LINE)
        neighbour = np.where((np.arange(len(places)) % 2 == 1) ^ closes, after, before)
        if not np.all((neighbour == separator) | (neighbour == NEW_LINE) | (neighbour == quote)):
            return False
        closes ^= len(places) % 2 == 1
    return not closes


def value_starts(path: Path) -> set[str]:
    """How the values of a JSON file's keys begin: `"`, a digit, `-`, `t`, `f`, `n` (null), `{`, `[`; anything else too.

    What follows a colon inside of a text counts as well. `?`: something else that begins like `n` or `-`; `~`: `-0`.
    """
    found: set[int] = set()
    for data, start, end in _blocks(path):
        places = np.flatnonzero(data[start:end] == COLON) + start + 1
        first = data[np.minimum(places, len(data) - 1)]
        spaced = first == SPACE
        places = np.where(spaced, places + 1, places)
        first = data[np.minimum(places, len(data) - 1)]
        seen = np.zeros(256, np.bool_)
        seen[first] = True
        found.update(np.flatnonzero(seen).tolist())
        if seen[ord("n")] or seen[MINUS]:
            second = data[np.minimum(places + 1, len(data) - 1)]
            odd = ((first == ord("n")) & (second != ord("u"))) | ((first == MINUS) & ~_is_digit(second))
            zeros = (first == MINUS) & (second == ZERO)
            found.update([ord("?")] * bool(np.any(odd)) + [ord("~")] * bool(np.any(zeros)))
    return {"0" if ZERO <= each <= NINE else chr(each) for each in found}


def has_exponents(path: Path) -> bool:
    """Whether a digit with an `e` behind it is anywhere in a file."""
    for data, start, end in _blocks(path):
        places = np.flatnonzero((data[start:end] | 0x20) == ord("e")) + start
        if np.any(_is_digit(data[np.maximum(places - 1, 0)])):
            return True
    return False


def decimals_are_texts(path: Path) -> bool:
    """Whether no number of a JSON file has a point: those in quotes and the fractions of seconds may."""
    for data, start, end in _blocks(path):
        places = np.flatnonzero(data[start:end] == POINT) + start - 1
        while np.any(digits := _is_digit(data[np.maximum(places, 0)]) & (places > 0)):
            places = np.where(digits, places - 1, places)
        places = np.where(data[np.maximum(places, 0)] == MINUS, places - 1, places)
        first, second = data[np.maximum(places, 0)], data[np.maximum(places - 1, 0)]
        if not np.all((first == QUOTE) | ((first == COLON) & _is_digit(second))):
            return False
    return True


def _is_digit(data: Bytes) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (data >= ZERO) & (data <= NINE)
    return found
