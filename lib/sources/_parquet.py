"""Parquet in batches: integers keep their type, whose range alone is checked; all else becomes exact text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lib.reading import Batch, format_float
from lib.sources._opened import SourceFile
from lib.sources._placed import placed

if TYPE_CHECKING:
    import polars

_ROWS = 100_000


def batches(file: SourceFile, path: Path) -> Iterator[Batch]:
    """The rows, lazily; `_line` is the number of the row, from 1. Times with a zone are given in UTC.

    Raises `DataRefused` for a file that is none or is cut off, bytes that are no UTF-8, and types without a text.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    line = 1
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        texts = [_text(file, name, kind) for name, kind in schema.items()]
        for frame in scan.collect_batches(chunk_size=_ROWS, maintain_order=True):
            numbers = pl.int_range(line, line + frame.height, dtype=pl.Int64, eager=True).alias("_line")
            yield Batch(placed(frame.select(texts), file, numbers))
            line += frame.height
    except (PolarsError, OSError) as error:
        raise file.wrong(
            f"not to be read as Parquet: {str(error).splitlines()[0][:200]}", hint="is it whole?"
        ) from None


def _text(file: SourceFile, name: str, kind: polars.DataType) -> polars.Expr:
    """A column as the strict parser takes it."""
    import polars as pl

    value = pl.col(name)
    if kind.is_integer() or kind in (pl.String, pl.Null):
        return value.cast(pl.String) if kind == pl.Null else value
    if kind == pl.Boolean or kind.is_decimal() or isinstance(kind, pl.Categorical | pl.Enum):
        return value.cast(pl.String)
    if kind == pl.Date:
        return value.dt.to_string("%Y-%m-%d")
    if isinstance(kind, pl.Datetime):
        return _time(value, kind)
    if kind.is_float():
        plain = value.cast(pl.String)
        # With an exponent it would be no decimal any more.
        odd = plain.str.contains("e", literal=True)
        return pl.when(odd).then(value.map_elements(format_float, return_dtype=pl.String)).otherwise(plain).alias(name)
    if kind == pl.Binary:
        return value.cast(pl.String)
    if kind.is_nested():
        return _json(name)
    raise file.wrong(
        f"column {name} is of type {kind}, which has no text", hint="leave it out, or make it another type"
    )


def _time(value: polars.Expr, kind: polars.Datetime) -> polars.Expr:
    """`YYYY-MM-DD HH:MM:SS.ffffff`; nanoseconds stay when there are any, and then do not fit a column."""
    import polars as pl

    at = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if kind.time_zone else value
    if kind.time_unit != "ns":
        return at.dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    whole = at.dt.nanosecond() % 1000 == 0
    return (
        pl.when(whole)
        .then(at.dt.cast_time_unit("us").dt.to_string("%Y-%m-%d %H:%M:%S%.6f"))
        .otherwise(at.dt.to_string("%Y-%m-%d %H:%M:%S%.9f"))
    )


def _json(name: str) -> polars.Expr:
    """A list or a struct as JSON text: encoded as the one field of a struct, whose braces are taken off again."""
    import polars as pl

    wrapped = pl.struct(pl.col(name).alias("v")).struct.json_encode()
    return pl.when(pl.col(name).is_not_null()).then(wrapped.str.slice(5, wrapped.str.len_chars() - 6)).alias(name)
