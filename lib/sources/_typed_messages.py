"""Decodes many messages at once into typed columns; a group with anything unusual is left to the exact reader."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lib.reading import Batch
from lib.sources._records import Fields, Place, Record, with_lineage

if TYPE_CHECKING:
    import polars

# Integer kinds and the width in which their values travel; of LARGEINT the unsigned 64 bits that ids have.
_INTEGERS = {"tinyint": "Int64", "smallint": "Int64", "int": "Int64", "bigint": "Int64", "largeint": "UInt64"}
_TEXTS = ("varchar", "char", "string", "date", "datetime")


class Decoder:
    """Made once for a table: its integers must be JSON integers and its texts strings, or null, or absent.

    msgspec takes neither `1.0` nor `1e3` nor "1" for an integer, so what it takes is exact. `can` is False for a table
    with fields of other kinds, whose text would have to be kept.
    """

    def __init__(self, fields: Fields) -> None:
        import msgspec

        self._fields = fields
        self.can = bool(fields.names) and all(
            fields.kinds.get(name) in _INTEGERS or fields.kinds.get(name) in _TEXTS for name in fields.names
        )
        members = [
            (f"f{number}", int | None if fields.kinds.get(name) in _INTEGERS else str | None, None)
            for number, name in enumerate(fields.names)
        ]
        names = {f"f{number}": name for number, name in enumerate(fields.names)}
        row = msgspec.defstruct("Row", members, rename=names, gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[row] | row)  # type: ignore[valid-type]
        self._row = row

    def batch(self, records: Sequence[Record], place: Place) -> Batch | None:
        """The rows of the records, or None when one of them has to be looked at exactly."""
        decode, row = self._decoder.decode, self._row
        if min(record.timestamp for record in records) < 0:
            return None
        try:
            read = [decode(record.value) for record in records]
            messages = [[found] if type(found) is row else found for found in read]
            frame = self._frame(list(chain.from_iterable(messages)))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        if frame is None:
            return None
        lineage = _lineage(records, [len(message) for message in messages])
        return Batch(with_lineage(frame, lineage, place))

    def _frame(self, rows: list[Any]) -> polars.DataFrame | None:
        import polars as pl

        types = {name: getattr(pl, _INTEGERS.get(self._fields.kinds[name], "String")) for name in self._fields.names}
        frame = pl.DataFrame(
            [
                pl.Series(name, list(map(attrgetter(f"f{number}"), rows)), dtype=types[name], strict=True)
                for number, name in enumerate(self._fields.names)
            ]
        )
        # An object without one of the fields is no row; the exact reader shows what it is instead.
        empty = frame.select(pl.all_horizontal(pl.all().is_null()).any()).item() if rows else False
        return None if empty else frame


def _lineage(records: Sequence[Record], lengths: Sequence[int]) -> polars.DataFrame:
    import polars as pl

    by_record = pl.DataFrame(
        {
            "_offset": [record.offset for record in records],
            "_timestamp": [record.timestamp for record in records],
            "first": [record.first for record in records],
            "rows": lengths,
        },
        schema=dict.fromkeys(("_offset", "_timestamp", "first", "rows"), pl.Int64),
    ).filter(pl.col("rows") > 0)
    return by_record.select(
        pl.col("_offset", "_timestamp").repeat_by("rows"),
        pl.int_ranges("first", pl.col("first") + pl.col("rows")).alias("_index"),
    ).explode("_offset", "_timestamp", "_index")
