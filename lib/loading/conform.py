"""Parses rows strictly against the columns they are meant for: a value that does not fit is a reject.

StarRocks would turn such a value into NULL, or refuse the whole load without a place; so none gets there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lib.columns import Column
from lib.loading.fitting import faults, integer_faults, suspects, unsendable
from lib.reading import LINEAGE, Batch, Reject, row_text

if TYPE_CHECKING:
    import polars

    Named = list[tuple[str, str, polars.Expr]]

_SHOWN = 200
_ROW, _FAULT = "__row", "__fault"


def conform(batch: Batch, targets: Mapping[str, Column], required: set[str]) -> tuple[polars.DataFrame, list[Reject]]:
    """The rows that fit, unchanged, and the others as rejects.

    `targets`: source columns that are loaded as they are, with the column they go to. `required`: those of them that
    may not be NULL. Columns are text, or integers (of any width, signed or not) whose range alone is looked at. Every
    text, also one that only an expression uses, must be sendable.
    """
    import polars as pl

    frame = batch.frame
    names = [name for name in frame.columns if name not in LINEAGE]
    # polars makes a schema anew each time it is asked for one: with thousands of columns that is what it would do.
    integers = {name for name, kind in frame.schema.items() if kind.is_integer()}
    quick = [test for name in names for test in _quick(batch, name, integers, targets, required)]
    # One pass over sound rows; what is only suspicious is looked at again, exactly.
    marks = frame.select(quick).fill_null(value=False) if quick else None
    if marks is None or not any(marks.select(pl.all().any()).row(0)):
        return frame, batch.rejects
    suspicious = frame.with_row_index(_ROW).filter(marks.select(pl.any_horizontal(pl.all())).to_series())
    found = _faults(names, integers, targets, required)
    number = pl.coalesce(
        [pl.when(broken.fill_null(value=False)).then(index) for index, (_, _, broken) in enumerate(found)]
    )
    bad = suspicious.with_columns(number.alias(_FAULT)).filter(pl.col(_FAULT).is_not_null())
    if bad.is_empty():
        return frame, batch.rejects
    good = frame.with_row_index(_ROW).join(bad.select(_ROW), on=_ROW, how="anti", maintain_order="left").drop(_ROW)
    return good, [*batch.rejects, *(_reject(row, found) for row in bad.drop(_ROW).iter_rows(named=True))]


def _quick(
    batch: Batch, name: str, integers: set[str], targets: Mapping[str, Column], required: set[str]
) -> list[polars.Expr]:
    """Tests of one column that mark at least every row with a fault; named apart, as a frame needs it."""
    import polars as pl

    value = pl.col(name)
    tests: list[polars.Expr] = []
    if name in integers:
        tests += [broken for _, broken in integer_faults(value, targets[name])] if name in targets else []
    else:
        tests += [] if batch.sendable else [unsendable(value)]
        tests += suspects(value, targets[name]) if name in targets else []
    if name in required:
        tests.append(value.is_null())
    return [test.alias(f"{name}/{index}") for index, test in enumerate(tests)]


def _faults(names: list[str], integers: set[str], targets: Mapping[str, Column], required: set[str]) -> Named:
    """Every fault that a row can have, in the order in which they are told."""
    import polars as pl

    found: Named = []
    for name in names:
        value = pl.col(name)
        if name in integers:
            broken = integer_faults(value, targets[name]) if name in targets else []
        else:
            broken = [
                ("control character", unsendable(value)),
                *(faults(value, targets[name]) if name in targets else []),
            ]
        found += [(name, reason, fault) for reason, fault in broken]
        if name in required:
            found.append((name, "null", value.is_null()))
    return found


def _reject(row: dict[str, object], found: Named) -> Reject:
    name, reason, _ = found[int(str(row.pop(_FAULT)))]
    value = row[name]
    source = row.get("_source")
    kept = {key: text for key, text in row.items() if key not in LINEAGE}
    return Reject(reason, name, "" if value is None else str(value)[:_SHOWN], str(source), row_text(kept))
