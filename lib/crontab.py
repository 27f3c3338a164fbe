"""Reads the checked-in crontab: which job is started when, and in which order within a night."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from lib.errors import Misconfigured

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\s*=")
_REDIRECTION = re.compile(r"\s(?:\d?>|[|<;&]).*")
_MINUTES_A_DAY = 24 * 60
_NOON = 12 * 60


@dataclass(frozen=True)
class Entry:
    """One line of the crontab: `0 19 * * * /opt/nightshift/run backup`."""

    schedule: str
    program: str
    job: str
    options: tuple[str, ...]
    number: int

    @property
    def minute_of_day(self) -> int | None:
        """Minutes after midnight for a line that starts once a day at a fixed time, else None."""
        minute, hour = self.schedule.split()[:2]
        return int(hour) * 60 + int(minute) if minute.isdigit() and hour.isdigit() else None

    @property
    def minute_of_night(self) -> int | None:
        """Minutes after noon, where a night begins; None as for `minute_of_day`."""
        minute = self.minute_of_day
        return None if minute is None else (minute - _NOON) % _MINUTES_A_DAY

    @property
    def when(self) -> str:
        """The time for people: `19:00` for every day, else the five fields."""
        minute = self.minute_of_day
        if minute is None or self.schedule.split()[2:] != ["*", "*", "*"]:
            return self.schedule
        return f"{minute // 60:02}:{minute % 60:02}"


def entries(path: Path) -> list[Entry]:
    """The lines that start jobs, in the order of the file.

    Raises `Misconfigured` with file and line for one that is neither `NAME=value` nor five fields and
    `/path/to/run JOB [options]`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: cannot be read: {error}") from None
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#") and not _VARIABLE.match(stripped):
            found.append(_entry(path, number, stripped))
    return found


def night(found: list[Entry]) -> list[Entry]:
    """The lines that start once a day at a fixed time, from noon to noon: the order of one night."""
    daily = [entry for entry in found if entry.minute_of_night is not None]
    return sorted(daily, key=lambda entry: (entry.minute_of_night or 0, entry.number))


def _entry(path: Path, number: int, line: str) -> Entry:
    fields = line.split(maxsplit=5)
    try:
        words = shlex.split(_REDIRECTION.sub("", fields[5])) if len(fields) == 6 else []
    except ValueError:
        words = []
    if len(words) < 2 or not words[0].endswith("/run"):
        raise Misconfigured(f"{path}:{number}: {line!r}: expected five fields and `/path/to/run JOB [options]`")
    return Entry(" ".join(fields[:5]), words[0], words[1], tuple(words[2:]), number)
