"""`accepted(column, 'a', 'b')`: every value is one of these. NULL is no value."""

from __future__ import annotations

import re

from lib import checks
from lib.catalog import Check
from lib.checks import Night, Question, by_row
from lib.warehouse import quote

USAGE = "accepted(<column>, <value>, ...) with 'quoted texts' or numbers"
_CALL = re.compile(r"\w+\s+accepted\(([^,]*),(.*)\)$")
_VALUE = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?))\s*(?:,|$)")


def columns(check: Check) -> tuple[str, ...]:
    """The column; also looks at the values."""
    _values(check)
    return checks.names(check, check.arguments[:1], USAGE)


def row_rule(check: Check) -> str:
    """TRUE for a row with another value."""
    name = f"s.{quote(columns(check)[0])}"
    return f"({name} IS NOT NULL AND {name} NOT IN ({', '.join(_values(check))}))"


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows have another value."""
    return by_row(row_rule(check), f"{check.arguments[0]} is none of {', '.join(_values(check))}", table, night)


def _values(check: Check) -> list[str]:
    """The values as SQL. Read from the line itself: a quoted text may hold a comma."""
    call = _CALL.match(check.line.value)
    text, found = (call[2] if call else ""), []
    while value := _VALUE.match(text):
        found.append(_literal(value[1]) if value[2] is None else value[2])
        text = text[value.end() :]
    if text.strip() or not found:
        raise check.line.wrong(f"expected {USAGE}")
    return found


def _literal(quoted: str) -> str:
    """A text of a header as a text of StarRocks, where a backslash escapes."""
    return "'" + quoted.replace("\\", "\\\\") + "'"
