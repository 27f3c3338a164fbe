"""Column names inside an SQL expression, found without parsing the whole language."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
    r"""|(?P<quoted>`[^`]+`)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<call>\s*\()?"""
    r"""|(?P<number>\d[\w.]*)"""
)

# Words that stand in expressions beside functions and columns: operators, units of INTERVAL, types of CAST.
_WORDS = (
    "and as asc between by case cast collate current_date current_time current_timestamp desc distinct div else end"
    " escape exists false from if in interval is like localtime localtimestamp mod not null or order over partition"
    " regexp rlike rows separator then true unbounded when xor"
    " microsecond millisecond second minute hour day week month quarter year"
    " array bigint binary bitmap boolean char date datetime decimal decimal128 decimal32 decimal64 double float hll int"
    " integer json largeint map signed smallint string struct text time tinyint unsigned varbinary varchar"
)
_CONVERTING = ("cast", "str_to_date", "to_date", "str2date", "to_datetime", "to_datetime_ntz", "parse_json")
_DECIDING = ("case", "if")
_KEYWORDS = frozenset(_WORDS.split())


def replace(expression: str, columns: Mapping[str, str]) -> str:
    """Puts SQL in the place of the columns that are listed; strings, functions, keywords, other names stay as they are.

    A column is named exactly as its source names it; one that looks like a keyword is quoted with backticks.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["quoted"]:
            name = found["quoted"].strip("`")
            return columns.get(name, found["quoted"])
        if found["name"] and not found["call"] and found["name"] in columns:
            return columns[found["name"]]
        return found[0]

    return _TOKEN.sub(replaced, expression)


def columns(expression: str, names: list[str]) -> set[str]:
    """Which of these columns the expression uses."""
    used: set[str] = set()
    for found in _TOKEN.finditer(expression):
        name = found["quoted"].strip("`") if found["quoted"] else found["name"]
        if name in names and not found["call"]:
            used.add(name)
    return used


def conversions(expression: str) -> list[tuple[str, str]]:
    """Each CAST and each reading of a date in an expression, after the operand that it converts.

    StarRocks gives NULL for what cannot be converted. An expression with CASE or IF decides by itself what becomes of
    a value, so it has none here.
    """
    if any(match["name"] and match["name"].lower() in _DECIDING for match in _TOKEN.finditer(expression)):
        return []
    calls = (match for match in _TOKEN.finditer(expression) if match["call"] and match["name"].lower() in _CONVERTING)
    ends = ((match.start(), match.end(), *_operand(expression, match.end())) for match in calls)
    return [(expression[begin:first].strip(), expression[start:end]) for start, begin, first, end in ends if end]


def _operand(expression: str, begin: int) -> tuple[int, int]:
    """Where the first operand of a call ends whose parenthesis opens just before `begin`, and where the call does.

    Both are 0 when it is never closed.
    """
    depth, first, at = 0, 0, begin
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        mark = token[0] if token else expression[at]
        if depth == 0 and (mark in (",", ")") or mark.lower() == "as"):
            first = first or at
        if depth == 0 and mark == ")":
            return first, at + 1
        depth += mark.endswith("(") - (mark == ")")
        at += len(mark)
    return 0, 0


def names(expression: str) -> set[str]:
    """The names in an expression that are neither functions nor keywords nor types; quoted ones always count."""
    found = {match["quoted"].strip("`") for match in _TOKEN.finditer(expression) if match["quoted"]}
    plain = (match["name"] for match in _TOKEN.finditer(expression) if match["name"] and not match["call"])
    return found | {name for name in plain if name.lower() not in _KEYWORDS}
