"""The header of a SQL file: its leading run of `-- key: value` lines, and the SQL below it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from lib.errors import Misconfigured

_LINE = re.compile(r"--\s*([a-z][a-z-]*):\s*(.*?)\s*$")
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|seconds?|minutes?|hours?|days?)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}$")


@dataclass(frozen=True)
class Line:
    """One `-- key: value` line and where it stands."""

    key: str
    value: str
    path: Path
    number: int

    def wrong(self, why: str) -> Misconfigured:
        """The error that tells of this line."""
        return Misconfigured(f"{self.path}:{self.number}: {self.key}: {self.value!r}: {why}")

    def names(self) -> tuple[str, ...]:
        """The value as a list of column names."""
        found = tuple(part.strip() for part in self.value.split(","))
        for name in found:
            if not IDENTIFIER.match(name):
                raise self.wrong(f"{name!r} is not a name; expected names separated by commas")
        return found

    def duration(self) -> timedelta:
        """The value as a length of time."""
        found = duration(self.value)
        if found is None:
            raise self.wrong("expected a length of time such as `3 days`, `12 hours`, `30m`")
        return found


@dataclass(frozen=True)
class Header:
    """The header lines of one file, in their order, and the SQL that follows them."""

    path: Path
    lines: tuple[Line, ...]
    sql: str

    def all(self, key: str) -> list[Line]:
        """Every line with this key."""
        return [line for line in self.lines if line.key == key]

    def get(self, key: str) -> Line | None:
        """The line with this key, or None."""
        found = self.all(key)
        return found[0] if found else None

    def need(self, key: str) -> Line:
        """The line with this key; raises `Misconfigured` when the file has none."""
        found = self.get(key)
        if found is None:
            raise Misconfigured(f"{self.path}:1: the header has no `-- {key}: ...` line")
        return found


def duration(text: str) -> timedelta | None:
    """`3 days`, `12 hours`, `26h`, `30m` as a timedelta; None when the text is not a length of time."""
    found = _DURATION.match(text.strip())
    return timedelta(**{_UNITS[found[2][0]]: int(found[1])}) if found else None


def read(path: Path, *, required: Collection[str], optional: Collection[str], repeated: Collection[str] = ()) -> Header:
    """Reads a file's header and SQL.

    Raises `Misconfigured` with file and line for a key that is unknown, missing, empty or given twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read: {error}") from None
    lines, sql = _split(path, text)
    header = Header(path, tuple(lines), sql)
    allowed = {*required, *optional, *repeated}
    for line in lines:
        _check(line, allowed, lines, repeated)
    for key in required:
        header.need(key)
    if not sql.strip():
        raise Misconfigured(f"{path}: there is no SQL below the header")
    return header


def _split(path: Path, text: str) -> tuple[list[Line], str]:
    lines: list[Line] = []
    rows = text.splitlines(keepends=True)
    for index, row in enumerate(rows):
        if found := _LINE.match(row):
            lines.append(Line(found[1], found[2], path, index + 1))
        elif row.strip() not in ("", "--"):
            return lines, "".join(rows[index:])
    return lines, ""


def _check(line: Line, allowed: Collection[str], lines: list[Line], repeated: Collection[str]) -> None:
    if line.key not in allowed:
        import difflib

        near = difflib.get_close_matches(line.key, allowed, n=1)
        meant = f"did you mean `{near[0]}`? " if near else ""
        raise line.wrong(f"unknown key; {meant}allowed: {', '.join(sorted(allowed))}")
    if not line.value:
        raise line.wrong("has no value")
    if line.key not in repeated and any(other.key == line.key and other.number < line.number for other in lines):
        raise line.wrong("is given twice")
