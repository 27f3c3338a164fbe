"""Values that a client sees otherwise than Python shows them: JSON, FLOAT, times before year 1, and what holds such.

Source: `be/src/exprs/cast_expr.cpp`, `be/src/column/` (debug output of nested values); recorded: `test/sql/test_array`,
`test/sql/test_cast/R/test_cast_json_to_map`.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

from emulator.types.sql_type import SqlType

Printer = Callable[[Any], Any]


def printer_of(kind: SqlType) -> Printer | None:
    """How values of a type are changed before they are sent; None when they are not."""
    if kind.name == "json":
        return document
    if kind.name == "float":
        return shortest
    if kind.name in ("date", "datetime"):
        return _moment
    if not kind.items:
        return None
    return _nested(kind) if any(_inner(item) is not None for item in kind.items) else None


def document(text: str) -> str:
    """JSON with its keys in order, a blank behind `:` and `,`."""
    return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


def shortest(value: float) -> float:
    """The number with the fewest digits that is the same FLOAT of 32 bits."""
    if value != value or value in (float("inf"), float("-inf")):
        return value
    packed = struct.pack("f", value)
    for digits in range(6, 9):
        candidate = float(f"{value:.{digits}g}")
        if abs(candidate) < 3.4e38 and struct.pack("f", candidate) == packed:
            return candidate
    return float(f"{value:.9g}")


def _moment(value: Any) -> Any:
    """Year 0, which Python has not: DuckDB gives it as text."""
    return "0000" + value.removesuffix(" (BC)")[4:] if isinstance(value, str) and value.endswith(" (BC)") else value


class Quoted(str):
    """Text inside a nested value that stands in single quotes."""


def _inner(kind: SqlType) -> Printer | None:
    if kind.name == "json":
        return lambda text: Quoted(document(text))
    return printer_of(kind)


def _nested(kind: SqlType) -> Printer:
    printers = [_inner(item) or _same for item in kind.items]

    def shown(at: int, value: Any) -> Any:
        return None if value is None else printers[at](value)

    if kind.name == "array":
        return lambda values: [shown(0, each) for each in values]
    if kind.name == "map":
        return lambda values: {shown(0, key): shown(1, each) for key, each in values.items()}
    return lambda values: {name: shown(at, values[name]) for at, name in enumerate(values)}


def _same(value: Any) -> Any:
    return value
