"""Decodes many messages at once into typed columns; a group with anything unusual is left to the exact reader.

Measured, and not done: cutting the text of a group by polars, with a proof of every byte of it, needs as much CPU as
msgspec for messages of a few trades, and half as much memory again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lib.reading import Batch
from lib.sources._kafka.records import Fields, Place, Records, lineage, with_lineage

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

    def batch(self, records: Records, place: Place) -> Batch | None:
        """The rows of the records, or None when one of them has to be looked at exactly."""
        if min(records.timestamps) < 0:
            return None
        try:
            columns, lengths = self._columns(records.values)
            frame = self._frame(columns)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        return None if frame is None else Batch(with_lineage(frame, lineage(records, lengths), place))

    def _columns(self, messages: Sequence[bytes]) -> tuple[list[list[Any]], list[int]]:
        """The values of each field, and how many rows each message has.

        Row after row in one list that is then sliced: no row lives longer than it is looked at, which keeps it in the
        processor's cache, and Python's collector of cycles has no lists of messages to follow.
        """
        from msgspec.structs import astuple

        values: list[Any] = []
        lengths = []
        for found in map(self._decoder.decode, messages):
            rows = [found] if type(found) is self._row else found
            lengths.append(len(rows))
            for row in rows:
                values += astuple(row)
        fields = len(self._fields.names)
        return [values[field::fields] for field in range(fields)], lengths

    def _frame(self, columns: list[list[Any]]) -> polars.DataFrame | None:
        import polars as pl

        names = self._fields.names
        types = [getattr(pl, _INTEGERS.get(self._fields.kinds[name], "String")) for name in names]
        made = zip(names, columns, types, strict=True)
        frame = pl.DataFrame([pl.Series(name, values, dtype=kind, strict=True) for name, values, kind in made])
        # An object without one of the fields is no row; the exact reader shows what it is instead.
        if all(column.null_count() for column in frame.iter_columns()):
            empty = frame.select(pl.all_horizontal(pl.all().is_null()).any()).item()
            return None if empty else frame
        return frame
