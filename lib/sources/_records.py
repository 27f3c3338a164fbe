"""A Kafka record, where it stands, and what a table takes of the objects in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lib import expressions
from lib.catalog import TableFile
from lib.reading import LINEAGE

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class Place:
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Record(NamedTuple):
    """A message. `timestamp`: milliseconds since 1970, UTC; negative: none. `first`: index of its first object, when
    it is a piece of a long array."""

    offset: int
    timestamp: int
    value: bytes
    first: int = 0


@dataclass(frozen=True)
class Fields:
    """What a table takes of each object: names, and the kind of those that go into a column as they are."""

    names: tuple[str, ...]
    kinds: Mapping[str, str]

    @classmethod
    def of(cls, table: TableFile, columns: Mapping[str, str]) -> Fields:
        """Those that are columns of the table (name -> kind), and those that its expressions use."""
        kinds = {name: kind for name, kind in columns.items() if name not in table.columns}
        used = {name for text in table.columns.values() for name in expressions.names(text)}
        return cls((*kinds, *sorted(used - kinds.keys() - LINEAGE)), kinds)


def with_lineage(fields: polars.DataFrame, lineage: polars.DataFrame, place: Place) -> polars.DataFrame:
    """Rows with their lineage, of which `_offset`, `_index` and `_timestamp` are given."""
    import polars as pl

    source = pl.format(f"{place}@{{}}#{{}}", "_offset", "_index").alias("_source")
    topic, partition = pl.lit(place.topic).alias("_topic"), pl.lit(place.partition).alias("_partition")
    return lineage.select(source, topic, partition, "_offset", "_index", "_timestamp").hstack(fields)
