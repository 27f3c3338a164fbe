"""`between(column, low, high)`: no value lies outside, both ends allowed. NULL is no value."""

from __future__ import annotations

import re
from decimal import Decimal

from lib import checks
from lib.catalog import Check
from lib.checks import Night, Question, by_row
from lib.warehouse import quote

USAGE = "between(<column>, <low>, <high>) with numbers, dates or instants"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?$")
_INSTANT = re.compile(r"'?(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?)'?$")


def columns(check: Check) -> tuple[str, ...]:
    """The column; also looks at the bounds."""
    name = checks.column(check, USAGE, 3)
    low, high = check.arguments[1:]
    if _NUMBER.match(low) and _NUMBER.match(high):
        empty = Decimal(low) > Decimal(high)
    elif _INSTANT.match(low) and _INSTANT.match(high):
        empty = low.strip("'") > high.strip("'")
    else:
        raise check.line.wrong(f"expected {USAGE}")
    if empty:
        raise check.line.wrong(f"{low} is above {high}: no value lies between")
    return (name,)


def row_rule(check: Check) -> str:
    """TRUE for a row whose value lies outside."""
    name = f"s.{quote(columns(check)[0])}"
    low, high = (_literal(bound) for bound in check.arguments[1:])
    return f"({name} IS NOT NULL AND ({name} < {low} OR {name} > {high}))"


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows have a value outside."""
    name, low, high = check.arguments
    return by_row(row_rule(check), f"{name} is not between {low} and {high}", table, night)


def _literal(bound: str) -> str:
    found = _INSTANT.match(bound)
    return f"'{found[1]}'" if found else bound
