"""Rows with the place they stand at: `_file`, `_line`, and both in `_source`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lib.sources._files.opened import SourceFile

if TYPE_CHECKING:
    import polars


def placed(frame: polars.DataFrame, file: SourceFile, lines: polars.Series) -> polars.DataFrame:
    """The frame with its lineage before it; `lines` is a series of numbers called `_line`, counted from 1."""
    import polars as pl

    escaped = file.name.replace("{", "{{").replace("}", "}}")
    return frame.select(
        pl.lit(file.name).alias("_file"),
        lines,
        pl.format(f"{escaped}:{{}}", lines).alias("_source"),
        *(pl.col(name) for name in frame.columns if name not in ("_file", "_line", "_source")),
    )


def nulled(frame: polars.DataFrame, texts: Sequence[str]) -> polars.DataFrame:
    """The frame with NULL for each of some texts; what is NULL already stays so."""
    import polars as pl

    return frame.with_columns(pl.when(~pl.all().is_in(list(texts))).then(pl.all())) if texts else frame
