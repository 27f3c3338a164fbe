"""Turns one Kafka message into rows of text: a JSON object is one row, an array of objects a row each.

Numbers keep the text they came with, so an unsigned 64-bit id is exact and `1e3` is seen for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lib.reading import Batch, Reject

if TYPE_CHECKING:
    import msgspec

LINEAGE = ("_source", "_topic", "_partition", "_offset", "_index", "_timestamp")
Fields = dict[str, str | None]


@dataclass(frozen=True)
class Place:
    """Where a message stands, and the record's time stamp in milliseconds since 1970, UTC."""

    topic: str
    partition: int
    offset: int
    timestamp: int

    def coordinates(self, index: int | None = None) -> str:
        """`topic/partition@offset`, with `#index` for one object of an array."""
        return f"{self.topic}/{self.partition}@{self.offset}" + ("" if index is None else f"#{index}")


def rows(value: bytes | None, place: Place) -> tuple[list[Fields], list[Reject]]:
    """The rows of a message; a message or an object that is none is a reject with its bytes."""
    if value is None:
        return [], []
    if place.timestamp < 0:
        return [], [_reject("timestamp", value, place, "the record has no timestamp")]
    import msgspec

    try:
        objects = _decoder().decode(value) if value.lstrip()[:1] == b"[" else [_object_decoder().decode(value)]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return [], [_reject("json", value, place, str(error))]
    made: list[Fields] = []
    for index, fields in enumerate(objects):
        made.append({**_lineage(place, index), **{name: _text(raw) for name, raw in fields.items()}})
    return made, []


@cache
def _decoder() -> msgspec.json.Decoder[list[dict[str, msgspec.Raw]]]:
    import msgspec

    return msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


@cache
def _object_decoder() -> msgspec.json.Decoder[dict[str, msgspec.Raw]]:
    import msgspec

    return msgspec.json.Decoder(dict[str, msgspec.Raw])


def _text(raw: Any) -> str | None:
    """A field's JSON as text: a string without its quotes, null as None, anything else as it is written."""
    import msgspec

    data = bytes(raw)
    if data[:1] == b'"':
        return msgspec.json.decode(data, type=str)
    return None if data == b"null" else data.decode("utf-8")


def _lineage(place: Place, index: int) -> Fields:
    return {
        "_source": place.coordinates(index),
        "_topic": place.topic,
        "_partition": str(place.partition),
        "_offset": str(place.offset),
        "_index": str(index),
        "_timestamp": str(place.timestamp),
    }


def _reject(reason: str, value: bytes, place: Place, why: str) -> Reject:
    return Reject(reason, "", why[:200], place.coordinates(), value.decode("utf-8", "backslashreplace"))


def batch(made: list[Fields], rejects: list[Reject]) -> Batch:
    """Rows as one frame; a field that some objects lack is NULL in them."""
    import polars as pl

    names = list(dict.fromkeys([*LINEAGE, *(name for fields in made for name in fields)]))
    return Batch(
        pl.DataFrame(
            {name: [fields.get(name) for fields in made] for name in names},
            schema=dict.fromkeys(names, pl.String),
        ),
        rejects,
    )
