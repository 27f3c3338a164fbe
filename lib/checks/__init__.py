"""The kinds of checks: one file a kind, found by its name. `night/` holds the checks of the night itself.

A kind is a module with
    columns(check)                -> the columns that it names; raises `Misconfigured` for wrong arguments
    question(check, table, night) -> what to ask of the warehouse, and how to judge the answer
    row_rule(check)               -> only where one row alone can break it: SQL over alias s
    elsewhere(check)              -> only where it names columns of another table: (table, column)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, cast

from lib import clock
from lib.catalog import Check
from lib.warehouse import Row, Warehouse, quote

# Rows that a ready query shows.
SHOWN_ROWS = 100


@dataclass(frozen=True)
class Night:
    """The night that is verified: `now` is the jobs' clock, never the server's."""

    warehouse: Warehouse
    cycle: date
    now: datetime

    @classmethod
    def of(cls, warehouse: Warehouse, cycle: date) -> Night:
        """A night as of now, or as of its end when it is an earlier one."""
        end = datetime.combine(cycle, datetime.min.time()) + clock.NIGHT_BEGINS + timedelta(days=1)
        return cls(warehouse, cycle, min(clock.now(), end))

    def table(self, name: str) -> str:
        """The quoted name of a table of the warehouse, with its database."""
        return quote(self.warehouse.database, name)


@dataclass(frozen=True)
class Verdict:
    """What came of one check, in words; `value` is the number that later nights compare with."""

    passed: bool
    measured: str
    wrong_rows: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class Question:
    """What a check asks: either aggregates for the one scan of its table, or a statement of its own.

    `judge` gets the rows of the answer (of a scan: one row with the keys of `aggregates`) and the
    number of rows of the table. `query` shows the wrong rows, ready to paste.
    """

    judge: Callable[[Sequence[Row], int], Verdict]
    query: str
    aggregates: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""


class Kind(Protocol):
    """What a module of this folder offers."""

    def columns(self, check: Check) -> tuple[str, ...]:
        """The columns of the checked table; raises `Misconfigured` that names the line."""

    def question(self, check: Check, table: str, night: Night) -> Question:
        """What to ask about the table of this name."""


def kind(check: Check) -> Kind:
    """The module of a check's kind."""
    return cast(Kind, importlib.import_module(f"lib.checks.{check.kind}"))


def row_rule(check: Check) -> str | None:
    """SQL over alias `s` that is TRUE for a row that breaks the check, else FALSE, never NULL.

    None for kinds that cannot be judged by one row alone. Raises `Misconfigured` for wrong arguments.
    """
    found = getattr(kind(check), "row_rule", None)
    return cast(str, found(check)) if found else None


def elsewhere(check: Check) -> list[tuple[str, str]]:
    """The columns of other tables that the check names, as (table, column)."""
    found = getattr(kind(check), "elsewhere", None)
    return cast("list[tuple[str, str]]", found(check)) if found else []


def of_rows(wrong: int, total: int, fault: str) -> Verdict:
    """The verdict of a check that counts wrong rows: `3 of 12,345 rows: trade_id is not unique`."""
    measured = f"{wrong:,} of {total:,} rows: {fault}" if wrong else f"{total:,} rows, none wrong"
    return Verdict(wrong == 0, measured, wrong_rows=wrong, value=float(wrong))


def by_row(rule: str, fault: str, table: str, night: Night) -> Question:
    """The question of a kind whose row rule is `rule`: how many rows break it."""
    return Question(
        judge=lambda rows, total: of_rows(int(rows[0]["wrong"]), total, fault),
        query=f"SELECT * FROM {night.table(table)} s WHERE {rule} LIMIT {SHOWN_ROWS};",
        # `count(CASE ...)` and not `FILTER`: all conditions of a table are counted in one scan.
        aggregates={"wrong": f"count(CASE WHEN {rule} THEN 1 END)"},
    )


def column(check: Check, usage: str, number: int) -> str:
    """The column that a check of exactly `number` arguments names first.

    Raises `Misconfigured` with the usage, such as `between(<column>, <low>, <high>)`.
    """
    if len(check.arguments) != number:
        raise check.line.wrong(f"expected {usage}")
    return names(check, check.arguments[:1], usage)[0]


def names(check: Check, found: Sequence[str], usage: str) -> tuple[str, ...]:
    """The arguments that must be column names, at least one; raises `Misconfigured` otherwise."""
    from lib.headers import IDENTIFIER

    for name in found:
        if not IDENTIFIER.match(name):
            raise check.line.wrong(f"{name!r} is not a column name; expected {usage}")
    if not found or len(set(found)) < len(found):
        raise check.line.wrong(f"expected {usage}, each column once")
    return tuple(found)
