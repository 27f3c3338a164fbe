"""Fast path for INSERT ... VALUES with many literal rows: a scan with one regular expression, no parser.

sqlglot needs more than a second for 5,000 rows; DuckDB reads the same literals in milliseconds. Only literals, the
same number in each row, and one kind a column (numbers, or texts); anything else goes the normal way.
"""

import re

from emulator.sql.scope import Columns
from emulator.types.coercion import TEXT
from emulator.types.sql_type import SqlType

_HEAD = re.compile(
    r"\s*(?:/\*.*?\*/\s*)*insert\s+into\s+(?P<table>(?:[\w]+|`[^`]+`)(?:\.(?:[\w]+|`[^`]+`))?)\s*"
    r"(?P<columns>\([^()']*\))?\s*values\s*",
    re.IGNORECASE | re.DOTALL,
)
_VALUE = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")|(?P<double>[+-]?\d+(?:\.\d*)?e[+-]?\d+)"""
    r"""|(?P<decimal>[+-]?\d+\.\d+)|(?P<int>[+-]?\d+)|(?P<null>null)"""
    r"""|(?P<bool>true|false))\s*(?P<end>[,)])""",
    re.IGNORECASE | re.DOTALL,
)
_BETWEEN = re.compile(r"\s*(,?)\s*(\(|;?\s*\Z)")
_ESCAPE = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_NUMBERS = ("int", "decimal", "double")
_KINDS = ("text", *_NUMBERS, "null", "bool")
_TYPES = {
    "text": TEXT,
    "null": SqlType("null"),
    "bool": SqlType("boolean"),
    "int": SqlType("largeint"),
    "double": SqlType("double"),
    "decimal": SqlType("decimal", precision=38, scale=9),
}
LEAST = 2000


def scan(text: str) -> tuple[str, str, Columns] | None:
    """Read a whole INSERT: (its text up to VALUES, a DuckDB query of the rows, columns); None = not for here."""
    head = _HEAD.match(text) if len(text) >= LEAST else None
    if head is None:
        return None
    at = head.end()
    rows: list[str] = []
    kinds: list[str] = []
    opening = _BETWEEN.match(text, at)
    if opening is None or opening.group(1) or opening.group(2) != "(":
        return None
    at = opening.end()
    while True:
        row, at = _row(text, at, kinds, first=not rows)
        if row is None:
            return None
        rows.append(row)
        following = _BETWEEN.match(text, at)
        if following is None:
            return None
        if following.group(2) != "(":
            break
        if not following.group(1):
            return None
        at = following.end()
    columns: Columns = [(f"column_{index}", _TYPES[kind]) for index, kind in enumerate(kinds)]
    return head.group(), "values " + ",".join(rows), columns


def _row(text: str, at: int, kinds: list[str], first: bool) -> tuple[str | None, int]:
    """One row behind its `(`; None when it is not for here. `kinds` learns what each column holds."""
    parts: list[str] = []
    while True:
        match = _VALUE.match(text, at)
        if match is None:
            return None, at
        at = match.end()
        kind = next(name for name in _KINDS if match.group(name) is not None)
        if first:
            kinds.append(kind)
        elif len(parts) >= len(kinds) or (joined := _joined(kinds[len(parts)], kind)) is None:
            return None, at
        else:
            kinds[len(parts)] = joined
        parts.append(_literal(match.group(kind)) if kind == "text" else match.group(kind))
        if match.group("end") == ")":
            return ("(" + ",".join(parts) + ")", at) if len(parts) == len(kinds) else (None, at)


def _joined(one: str, two: str) -> str | None:
    """What a column holds that holds both; None when they do not go together."""
    if one == two or two == "null":
        return one
    if one == "null":
        return two
    return max(one, two, key=_NUMBERS.index) if one in _NUMBERS and two in _NUMBERS else None


def _literal(source: str) -> str:
    body = source[1:-1]
    if "\\" in body or "''" in body or '""' in body:
        body = _ESCAPE.sub(_unescape, body)
    return "'" + body.replace("'", "''") + "'"


def _unescape(match: re.Match[str]) -> str:
    letter = match.group(1)
    if letter is None:
        return match.group()[0]
    return _ESCAPES.get(letter, f"\\{letter}" if letter in "%_" else letter)
