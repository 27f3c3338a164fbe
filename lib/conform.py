"""Parses rows of text strictly against the columns they are meant for: a value that does not fit is a reject.

StarRocks would turn such a value into NULL, or refuse the whole load without a place; so none gets there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lib.columns import INTEGERS, STRING_BYTES, Column
from lib.reading import LINEAGE, Batch, Reject, row_text

if TYPE_CHECKING:
    import polars

_SHOWN = 200
# The separators of the load's CSV: text that holds them cannot be sent, nor can a lone \N, which means NULL there.
_UNSENDABLE = "[\x00\x01\x02]"
_NULL_TEXT = "\\N"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
_FLOAT = r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"


def conform(batch: Batch, targets: Mapping[str, Column], required: set[str]) -> tuple[polars.DataFrame, list[Reject]]:
    """The rows that fit, unchanged, and the others as rejects.

    `targets`: source columns that are loaded as they are, with the column they go to. `required`: those of them that
    may not be NULL. Every text, also one that only an expression uses, must be sendable.
    """
    import polars as pl

    frame = batch.frame
    faults: list[tuple[str, str, pl.Expr]] = []
    for name in frame.columns:
        if name in LINEAGE:
            continue
        text = pl.col(name)
        faults.append((name, "control character", text.str.contains(_UNSENDABLE) | (text == _NULL_TEXT)))
        if name in targets:
            faults += [(name, reason, broken) for reason, broken in _faults(text, targets[name])]
        if name in required:
            faults.append((name, "null", text.is_null()))
    if not faults:
        return frame, batch.rejects
    number = pl.coalesce(
        [pl.when(broken.fill_null(value=False)).then(index) for index, (_, _, broken) in enumerate(faults)]
    )
    marked = frame.with_columns(number.alias("__fault"))
    good = marked.filter(pl.col("__fault").is_null()).drop("__fault")
    if good.height == frame.height:
        return good, batch.rejects
    bad = marked.filter(pl.col("__fault").is_not_null())
    return good, [*batch.rejects, *(_reject(row, faults) for row in bad.iter_rows(named=True))]


def _reject(row: dict[str, object], faults: list[tuple[str, str, polars.Expr]]) -> Reject:
    name, reason, _ = faults[int(str(row.pop("__fault")))]
    value = row[name]
    source = row.get("_source")
    kept = {key: text for key, text in row.items() if key not in LINEAGE}
    return Reject(reason, name, "" if value is None else str(value)[:_SHOWN], str(source), row_text(kept))


def _faults(text: polars.Expr, column: Column) -> list[tuple[str, polars.Expr]]:
    """The ways in which a text can fail to be a value of the column; each is NULL or false for one that fits."""
    import polars as pl

    kind, arguments = column.kind, column.arguments
    if kind in INTEGERS:
        value = text.cast(pl.Int128, strict=False)
        bits = INTEGERS[kind] - 1
        # -2^127 is the one value of 128 bits that LARGEINT has not (LARGEINT.md: -2^127+1 to 2^127-1).
        low = -(2**bits) + (1 if bits == 127 else 0)
        outside = value.is_null() | (value < pl.lit(low, pl.Int128)) | (value > pl.lit(2**bits - 1, pl.Int128))
        return [("type", ~text.str.contains(r"^-?\d+$")), ("range", text.is_not_null() & outside)]
    if kind == "decimal":
        digits, scale = arguments if len(arguments) == 2 else (arguments[0] if arguments else 10, 0)
        fits = rf"^-?0*\d{{0,{digits - scale}}}(\.\d{{0,{scale}}}0*)?$"
        return [("type", ~text.str.contains(r"^-?\d+(\.\d+)?$")), ("range", ~text.str.contains(fits))]
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


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
