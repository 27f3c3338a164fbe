"""Parses rows strictly against the columns they are meant for: a value that does not fit is a reject.

StarRocks would turn such a value into NULL, or refuse the whole load without a place; so none gets there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib.columns import Column
from lib.loading.fitting import Fault, faults, integer_faults, suspects, unsendable
from lib.reading import LINEAGE, Batch, Reject, row_text

if TYPE_CHECKING:
    import polars

_SHOWN = 200
_ROW, _FAULT = "__row", "__fault"


def conform(batch: Batch, targets: Mapping[str, Column], required: set[str]) -> tuple[polars.DataFrame, list[Reject]]:
    """The rows that fit, unchanged, and the others as rejects.

    `targets`: source columns that are loaded as they are, with the column they go to. `required`: those of them that
    may not be NULL. Every text, also one that only an expression uses, must be sendable.
    """
    import polars as pl

    frame = batch.frame
    # polars makes a schema anew each time it is asked for one: with thousands of columns that is what it would do.
    fields = [
        _Field(name, kind, targets.get(name), name in required)
        for name, kind in frame.schema.items()
        if name not in LINEAGE
    ]
    quick = [test for field in fields for test in field.quick(batch)]
    # One pass over sound rows; what is only suspicious is looked at again, exactly.
    marks = frame.select(quick).fill_null(value=False) if quick else None
    if marks is None or not any(marks.select(pl.all().any()).row(0)):
        return frame, batch.rejects
    suspicious = frame.with_row_index(_ROW).filter(marks.select(pl.any_horizontal(pl.all())).to_series())
    found = [(field.name, reason, broken) for field in fields for reason, broken in field.faults()]
    number = pl.coalesce(
        [pl.when(broken.fill_null(value=False)).then(index) for index, (_, _, broken) in enumerate(found)]
    )
    bad = suspicious.with_columns(number.alias(_FAULT)).filter(pl.col(_FAULT).is_not_null())
    if bad.is_empty():
        return frame, batch.rejects
    good = frame.with_row_index(_ROW).join(bad.select(_ROW), on=_ROW, how="anti", maintain_order="left").drop(_ROW)
    return good, [*batch.rejects, *(_reject(row, found) for row in bad.drop(_ROW).iter_rows(named=True))]


@dataclass(frozen=True)
class _Field:
    """A column of a source: the type of its values, the column they go to as they are, whether they must be there."""

    name: str
    kind: polars.DataType
    target: Column | None
    required: bool

    def quick(self, batch: Batch) -> list[polars.Expr]:
        """Tests that mark at least every row with a fault; named apart, as a frame needs it."""
        import polars as pl

        value = pl.col(self.name)
        tests: list[polars.Expr] = []
        if self.target and batch.fits.get(self.name) == self.target.kind:
            pass
        elif self.kind.is_integer():
            tests += [broken for _, broken in self._of_integers()]
        else:
            tests += [] if batch.sendable else [unsendable(value)]
            tests += suspects(value, self.target) if self.target else []
        if self.required:
            tests.append(value.is_null())
        return [test.alias(f"{self.name}/{index}") for index, test in enumerate(tests)]

    def faults(self) -> list[Fault]:
        """Every fault that a value can have, in the order in which they are told."""
        import polars as pl

        value = pl.col(self.name)
        if self.kind.is_integer():
            found = self._of_integers()
        else:
            found = [("control character", unsendable(value)), *(faults(value, self.target) if self.target else [])]
        return [*found, ("null", value.is_null())] if self.required else found

    def _of_integers(self) -> list[Fault]:
        import polars as pl

        return integer_faults(pl.col(self.name), self.kind, self.target) if self.target else []


def _reject(row: dict[str, object], found: list[tuple[str, str, polars.Expr]]) -> Reject:
    name, reason, _ = found[int(str(row.pop(_FAULT)))]
    value = row[name]
    source = row.get("_source")
    kept = {key: cell for key, cell in row.items() if key not in LINEAGE}
    return Reject(reason, name, "" if value is None else str(value)[:_SHOWN], str(source), row_text(kept))
