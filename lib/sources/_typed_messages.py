"""Decodes many messages at once into typed columns; a group with anything unusual is left to the exact reader."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lib.reading import Batch
from lib.sources._records import Fields, Place, Records, lineage, with_lineage

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
            rows, lengths = self._decoded(records.values)
            frame = self._frame(rows)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        return None if frame is None else Batch(with_lineage(frame, lineage(records, lengths), place))

    def _decoded(self, messages: Sequence[bytes]) -> tuple[list[Any], list[int]]:
        """The rows, and how many each message has. No message's list is kept, so that Python's collector of cycles has
        nothing to follow."""
        rows: list[Any] = []
        lengths = []
        for found in map(self._decoder.decode, messages):
            if type(found) is self._row:
                rows.append(found)
                lengths.append(1)
            else:
                rows += found
                lengths.append(len(found))
        return rows, lengths

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
