"""A Kafka record, where it stands, and what a table takes of the objects in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
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
    """A message. `timestamp`: milliseconds since 1970, UTC; negative: none."""

    offset: int
    timestamp: int
    value: bytes


@dataclass
class Records:
    """Messages as columns of equal length, in the order of their offsets.

    Lists of numbers and bytes, not one object a message: Python's collector of cycles would follow those, which took a
    tenth of the bridge's time. `first`: index of the first object in the first message, when that is a piece of a long
    array; it is alone then.
    """

    offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    first: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Record]:
        """The messages one by one."""
        return map(Record, self.offsets, self.timestamps, self.values)

    def __iadd__(self, other: Records) -> Records:
        """These messages, then the others."""
        self.offsets += other.offsets
        self.timestamps += other.timestamps
        self.values += other.values
        return self

    def where(self, wanted: Iterable[bool]) -> Records:
        """The messages for which `wanted` is true."""
        kept = list(wanted)
        offsets, timestamps = list(compress(self.offsets, kept)), list(compress(self.timestamps, kept))
        return Records(offsets, timestamps, list(compress(self.values, kept)), self.first)


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


def lineage(records: Records, lengths: Sequence[int]) -> polars.DataFrame:
    """`_offset`, `_index` and `_timestamp` of each row, of the number of rows of each message."""
    import polars as pl

    given = {"_offset": records.offsets, "_timestamp": records.timestamps, "rows": lengths}
    messages = pl.DataFrame(given, schema=dict.fromkeys(given, pl.Int64)).filter(pl.col("rows") > 0)
    begins = messages["rows"].cum_sum() - messages["rows"]
    # The number of its message for every row: the first row of each message counts one up.
    rows = int(messages["rows"].sum())
    message = pl.zeros(rows, pl.UInt32, eager=True).scatter(begins, 1).cum_sum() - 1
    return (
        messages.select("_offset", "_timestamp", begins.alias("begins"))
        .select(pl.all().gather(message))
        .select("_offset", (pl.int_range(rows) - pl.col("begins") + records.first).alias("_index"), "_timestamp")
    )


def with_lineage(fields: polars.DataFrame, where: polars.DataFrame, place: Place) -> polars.DataFrame:
    """Rows with their lineage, of which `_offset`, `_index` and `_timestamp` are given."""
    import polars as pl

    source = pl.format(f"{place}@{{}}#{{}}", "_offset", "_index").alias("_source")
    topic, partition = pl.lit(place.topic).alias("_topic"), pl.lit(place.partition).alias("_partition")
    return where.select(source, topic, partition, "_offset", "_index", "_timestamp").hstack(fields)
