"""Types of fields that only expressions use: those that the expressions cast them to.

A field that the table lacks is read as what a function wants of it: in strict mode its text must be such a value, or
the row is filtered; of several wants the last counts. Known here: arithmetic, functions of epoch seconds, functions of
dates; a field of anything else stays text. Source: fe/fe-core/src/main/java/com/starrocks/load/Load.java,
replaceSrcSlotDescType; signatures: gensrc/script/functions.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from emulator.sql import dialect

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
_EPOCHS = frozenset({"from_unixtime", "to_datetime", "to_datetime_ntz"})
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second")
_DATES = frozenset(
    {
        *_UNITS,
        *(f"{unit}s_{verb}" for unit in _UNITS for verb in ("add", "sub")),
        *("quarter", "weekofyear", "dayofmonth", "dayofweek", "dayofyear", "dayname", "monthname", "last_day"),
        *("date", "to_date", "date_trunc", "date_format", "date_add", "date_sub", "adddate", "subdate", "datediff"),
    }
)


def implied(expressions: Iterable[str]) -> dict[str, str]:
    """Field in lower case -> StarRocks type, of those that an expression casts."""
    found: dict[str, str] = {}
    for text in expressions:
        for column in dialect.parse_expression(text).find_all(exp.Column):
            kind = _wanted(column)
            if kind:
                found[column.name.lower()] = kind
    return found


def _wanted(column: exp.Column) -> str:
    parent = column.parent
    if isinstance(parent, _ARITHMETIC):
        return "double"
    if not isinstance(parent, exp.Anonymous):
        return ""
    name = parent.name.lower()
    if name in _EPOCHS and parent.expressions[0] is column:
        return "bigint"
    return "datetime" if name in _DATES else ""
