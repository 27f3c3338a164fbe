"""The watermark of a SQL source, and the range of rows that is read from it on."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lib.catalog import TableFile

At = str | int | float


def as_time(value: Any) -> datetime:
    """A timestamp as a source writes it, without its zone. Raises `ValueError` for what is none."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value)).replace(tzinfo=None)


@dataclass(frozen=True)
class Position:
    """Rows up to (at, key) have been read; without a key, those before `at`."""

    at: At
    key: str | int | None = None

    @property
    def text(self) -> str:
        """The position as the ledger keeps it."""
        return json.dumps({"at": self.at} if self.key is None else {"at": self.at, "key": self.key})

    @classmethod
    def read(cls, text: str) -> Position:
        """A position that the ledger has kept."""
        kept = json.loads(text)
        return cls(kept["at"], kept.get("key"))

    @classmethod
    def reached(cls, newest: Any, settled: datetime) -> Position:
        """The newest timestamp there is; held back to `settled`, in the source's own form, when it is not older."""
        text = newest.isoformat(sep=" ") if isinstance(newest, datetime) else newest
        at: At = text if isinstance(text, str | int | float) else str(text)
        try:
            time = as_time(at)
        except ValueError:
            return cls(at)
        if len(str(at)) == len("2026-11-01"):
            return cls(at) if time.date() < settled.date() else cls(str(settled.date()))
        return cls(at) if time < settled else cls(settled.isoformat(sep="T" if "T" in str(at) else " "))

    def later(self, other: Position) -> Position:
        """The later of two positions: a watermark never goes back."""
        if type(self.at) is not type(other.at):
            return other
        return self if self.at > other.at else other  # type: ignore[operator]  # both are of one type

    def before(self, table: TableFile) -> Position:
        """The position from which rows are met again: `lateness` earlier, and then without a key."""
        if not table.lateness:
            return self
        try:
            at = as_time(self.at)
        except ValueError:
            line = table.header.need("lateness")
            raise line.wrong(
                f"{table.watermark[0]} = {self.at!r} is no time that lateness could go back from"
            ) from None
        if len(str(self.at)) == len("2026-11-01"):
            return replace(self, at=str((at - table.lateness).date()), key=None)
        return replace(self, at=(at - table.lateness).isoformat(sep="T" if "T" in str(self.at) else " "), key=None)


@dataclass(frozen=True)
class Range:
    """Which rows are read: after a position, up to a timestamp; `nulls`: those without one are told of as well."""

    low: Position | None = None
    high: Any = None
    open_end: bool = False
    nulls: bool = False
    nothing: bool = False

    def where(self, watermark: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        """The WHERE clause and its values. Pairs are compared strictly: (at, key) > (low, key)."""
        limits, values = ["1 = 0"] if self.nothing else [], {}
        if self.low is not None:
            values["low"] = self.low.at
            limits.append(f"{watermark[0]} >= :low")
            if self.low.key is not None and len(watermark) == 2:
                values["key"] = self.low.key
                limits.append(f"({watermark[0]} > :low OR {watermark[1]} > :key)")
        if self.high is not None:
            limits.append(f"{watermark[0]} {'<' if self.open_end else '<='} :high")
            values["high"] = self.high
        return (f" WHERE {' AND '.join(limits)}" if limits else ""), values
