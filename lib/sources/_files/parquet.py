"""Parquet in batches: integers keep their type, whose range alone is checked; all else becomes exact text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lib.reading import Batch, format_float
from lib.sources._files.moments import dates, have_four_digits, times
from lib.sources._files.opened import SourceFile
from lib.sources._files.placed import placed

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
        for name, kind in scan.collect_schema().items():
            _check(file, name, kind)
        for frame in scan.collect_batches(chunk_size=_ROWS, maintain_order=True):
            numbers = pl.int_range(line, line + frame.height, dtype=pl.Int64, eager=True).alias("_line")
            texts = pl.DataFrame([_text(values) for values in frame.iter_columns()])
            yield Batch(placed(texts, file, numbers), fits=_fits(frame))
            line += frame.height
    except (PolarsError, OSError) as error:
        raise file.wrong(
            f"not to be read as Parquet: {str(error).splitlines()[0][:200]}", hint="is it whole?"
        ) from None


def _check(file: SourceFile, name: str, kind: polars.DataType) -> None:
    import polars as pl

    named = (pl.String, pl.Null, pl.Boolean, pl.Date, pl.Datetime, pl.Categorical, pl.Enum, pl.Binary)
    if not (kind.is_numeric() or kind.is_nested() or isinstance(kind, named)):
        raise file.wrong(
            f"column {name} is of type {kind}, which has no text", hint="leave it out, or make it another type"
        )


def _text(values: polars.Series) -> polars.Series:
    """A column as the strict parser takes it."""
    import polars as pl

    kind = values.dtype
    if kind.is_integer():
        return values
    if kind == pl.Date:
        return dates(values)
    if isinstance(kind, pl.Datetime):
        return _nanoseconds(values) if kind.time_unit == "ns" else times(values)
    if kind.is_nested():
        return _json(values)
    texts = values.cast(pl.String)
    if not kind.is_float():
        return texts
    # With an exponent it would be no decimal any more.
    odd = texts.str.contains("e", literal=True).arg_true()
    return texts.scatter(odd, [format_float(value) for value in values.gather(odd)]) if odd.len() else texts


def _nanoseconds(values: polars.Series) -> polars.Series:
    """Times as of microseconds; nanoseconds stay when there are any, and then do not fit a column."""
    import polars as pl

    whole = values.to_physical() % 1000 == 0
    exact = values.to_physical().cast(pl.Datetime("ns")).dt.to_string("%Y-%m-%d %H:%M:%S%.9f")
    return times(values.dt.cast_time_unit("us")).zip_with(whole, exact)


def _fits(frame: polars.DataFrame) -> dict[str, str]:
    """The columns whose text fits a date or a time, as it has been made of one."""
    import polars as pl

    kinds = {
        name: "date" if kind == pl.Date else "datetime"
        for name, kind in frame.schema.items()
        if kind == pl.Date or (isinstance(kind, pl.Datetime) and kind.time_unit != "ns")
    }
    return {name: kind for name, kind in kinds.items() if have_four_digits(frame[name])}


def _json(values: polars.Series) -> polars.Series:
    """Lists or structs as JSON text: encoded as the one field of a struct, whose braces are taken off again."""
    import polars as pl

    wrapped = pl.struct(pl.lit(values).alias("v")).struct.json_encode()
    text = pl.when(pl.lit(values).is_not_null()).then(wrapped.str.slice(5, wrapped.str.len_chars() - 6))
    return pl.select(text.alias(values.name)).to_series()
