"""What it means that a value fits a column: the exact faults of each kind, and a quick test that sound values pass.

Both are expressions over one column of a frame: text, or integers of a typed source. A NULL has no fault here.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from lib.columns import INTEGERS, STRING_BYTES, Column

if TYPE_CHECKING:
    import polars

Fault = tuple[str, "polars.Expr"]

# The separators of the load's CSV: text that holds them cannot be sent, nor can a lone \N, which means NULL there.
_UNSENDABLE = "[\x00\x01\x02]"
_NULL_TEXT = "\\N"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DATETIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?$"
_FLOAT = r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"
# Days that every year has: February 29 and the years before 1000 are left to the calendar.
_SOUND_DAY = (
    r"[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_SOUND_FLOAT = r"^-?[0-9]{1,30}(?:\.[0-9]{1,30})?$"
_SOUND_DATE = rf"^{_SOUND_DAY}$"
_SOUND_DATETIME = rf"^{_SOUND_DAY}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?$"


def unsendable(text: polars.Expr) -> polars.Expr:
    """Whether a text cannot be carried by the load's CSV."""
    return text.str.contains(_UNSENDABLE) | (text == _NULL_TEXT)


def integer_faults(value: polars.Expr, kind: polars.DataType, column: Column) -> list[Fault]:
    """The faults of integers of a type: only their range, for a column of numbers; those of their text for any other.

    None, where the column holds whatever the type can.
    """
    import polars as pl

    if column.kind in INTEGERS:
        low, high = _bounds(column.kind)
    elif column.kind == "decimal":
        digits, scale = _decimal(column.arguments)
        high = 10 ** (digits - scale) - 1
        low = -high
    elif column.kind in ("float", "double"):
        return []
    else:
        return faults(value.cast(pl.String), column)
    least, most = _limits(kind)
    outside = [value < pl.lit(low, kind)] if low > least else []
    outside += [value > pl.lit(high, kind)] if high < most else []
    return [("range", pl.any_horizontal(outside))] if outside else []


@cache
def _limits(kind: polars.DataType) -> tuple[int, int]:
    """What a type of integers can hold."""
    import polars as pl
    from polars.datatypes import IntegerType

    assert isinstance(kind, IntegerType)
    return pl.select(least=kind.min(), most=kind.max()).row(0)


def faults(text: polars.Expr, column: Column) -> list[Fault]:
    """The ways in which a text can fail to be a value of the column; each is NULL or false for one that fits."""
    import polars as pl

    kind, arguments = column.kind, column.arguments
    if kind in INTEGERS:
        value = text.cast(pl.Int128, strict=False)
        low, high = _bounds(kind)
        outside = value.is_null() | (value < pl.lit(low, pl.Int128)) | (value > pl.lit(high, pl.Int128))
        return [("type", ~text.str.contains(r"^-?[0-9]+$")), ("range", text.is_not_null() & outside)]
    if kind == "decimal":
        digits, scale = _decimal(arguments)
        fits = rf"^-?0*[0-9]{{0,{digits - scale}}}(\.[0-9]{{0,{scale}}}0*)?$"
        return [("type", ~text.str.contains(r"^-?[0-9]+(\.[0-9]+)?$")), ("range", ~text.str.contains(fits))]
    if kind in ("float", "double"):
        value = text.cast(pl.Float64, strict=False)
        return [("type", ~text.str.contains(_FLOAT)), ("range", text.is_not_null() & ~value.is_finite())]
    if kind == "boolean":
        return [("type", ~text.str.to_lowercase().is_in(["true", "false", "0", "1"]))]
    if kind == "date":
        parsed = text.str.to_date("%Y-%m-%d", strict=False)
        return [("type", text.is_not_null() & (~text.str.contains(_DATE) | parsed.is_null()))]
    if kind == "datetime":
        parsed_at = text.str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
        return [("type", text.is_not_null() & (~text.str.contains(_DATETIME) | parsed_at.is_null()))]
    if kind == "json":
        return [("type", ~text.map_elements(_is_json, return_dtype=pl.Boolean))]
    if column.is_text:
        return [("length", text.str.len_bytes() > (arguments[0] if arguments else STRING_BYTES))]
    return []


def suspects(text: polars.Expr, column: Column) -> list[polars.Expr]:
    """Cheap tests of a text: one that none of them marks has no fault; one that is marked may have one.

    Measured on this kind of data, a strict parse of times alone costs as much as reading the file.
    """
    kind, arguments = column.kind, column.arguments
    if kind in INTEGERS:
        # As many digits as are in range whatever they are.
        digits = len(str(_bounds(kind)[1])) - 1
        return [~text.str.contains(rf"^-?[0-9]{{1,{digits}}}$")]
    if kind in ("float", "double"):
        return [~text.str.contains(_SOUND_FLOAT)]
    if kind == "decimal":
        digits, scale = _decimal(arguments)
        after = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
        return (
            [~text.str.contains(rf"^-?[0-9]{{1,{max(digits - scale, 1)}}}{after}$")] if digits > scale else _any(text)
        )
    if kind == "date":
        return [~text.str.contains(_SOUND_DATE)]
    if kind == "datetime":
        return [~text.str.contains(_SOUND_DATETIME)]
    return [broken for _, broken in faults(text, column)]


def _any(text: polars.Expr) -> list[polars.Expr]:
    return [text.is_not_null()]


def _bounds(kind: str) -> tuple[int, int]:
    bits = INTEGERS[kind] - 1
    # -2^127 is the one value of 128 bits that LARGEINT has not (LARGEINT.md: -2^127+1 to 2^127-1).
    return -(2**bits) + (1 if bits == 127 else 0), 2**bits - 1


def _decimal(arguments: tuple[int, ...]) -> tuple[int, int]:
    return (arguments[0], arguments[1]) if len(arguments) == 2 else (arguments[0] if arguments else 10, 0)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
