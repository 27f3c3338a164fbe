"""Reads messages field by field: numbers keep the text they came with, what is wrong is put aside with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from lib.reading import Batch, Reject
from lib.sources._kafka.records import Fields, Place, Record, Records, with_lineage

if TYPE_CHECKING:
    import msgspec

# Objects a piece of a long array.
PIECE_OBJECTS = 10_000
# The quarantine keeps less of a message than this.
_KEPT_BYTES = 70_000
# What a message that is no JSON, or no object in it, raises: msgspec's errors are ValueErrors.
_NOT_JSON = (ValueError, RecursionError)


def batch(records: Records, place: Place, fields: Fields) -> Batch:
    """The rows of the records as text, every field of `fields` a column; NULL where an object lacks it.

    A message that is no object nor an array of objects is a reject with its bytes; so is an object that has none of
    the fields.
    """
    import polars as pl

    columns: dict[str, list[str | None]] = {name: [] for name in fields.names}
    where: list[tuple[int, int, int]] = []
    rejects: list[Reject] = []
    for record in records:
        if record.timestamp < 0:
            # The day of a row is made of it.
            rejects.append(reject("timestamp", record, place, "the record has no timestamp"))
            continue
        try:
            objects = _objects(record.value)
            rows = [[_text(found.get(name)) for name in fields.names] for found in objects]
        except _NOT_JSON as error:
            rejects.append(reject("json", record, place, str(error)))
            continue
        for index, (row, found) in enumerate(zip(rows, objects, strict=True), records.first):
            if fields.names and all(text is None for text in row):
                rejects.append(_no_fields(found, record, place, index))
                continue
            where.append((record.offset, index, record.timestamp))
            for name, text in zip(fields.names, row, strict=True):
                columns[name].append(text)
    frame = pl.DataFrame(columns, schema=dict.fromkeys(fields.names, pl.String))
    lineage = pl.DataFrame(where, schema=dict.fromkeys(("_offset", "_index", "_timestamp"), pl.Int64), orient="row")
    return Batch(with_lineage(frame, lineage, place), rejects)


def pieces(record: Record, place: Place) -> Iterator[Records | Reject]:
    """A long array as several short ones. All of it is looked at first: a message is put aside whole or not at all."""
    offset, timestamp = [record.offset], [record.timestamp]
    if record.value.lstrip()[:1] != b"[":
        yield Records(offset, timestamp, [record.value])
        return
    try:
        raws = _decoder("raws").decode(record.value)
        for start in range(0, len(raws), PIECE_OBJECTS):
            for fields in _objects(_joined(raws[start : start + PIECE_OBJECTS])):
                for raw in fields.values():
                    _text(raw)
    except _NOT_JSON as error:
        yield reject("json", record, place, str(error))
        return
    for start in range(0, len(raws), PIECE_OBJECTS):
        yield Records(offset, timestamp, [_joined(raws[start : start + PIECE_OBJECTS])], start)


def reject(reason: str, record: Record, place: Place, why: str) -> Reject:
    """A whole message, put aside."""
    shown = record.value[:_KEPT_BYTES].decode("utf-8", "backslashreplace")
    return Reject(reason, "", why[:200], f"{place}@{record.offset}", shown)


def _no_fields(found: dict[str, Any], record: Record, place: Place, index: int) -> Reject:
    import msgspec

    shown = msgspec.json.encode(found)[:_KEPT_BYTES].decode("utf-8", "backslashreplace")
    return Reject("fields", "", ", ".join(found)[:200], f"{place}@{record.offset}#{index}", shown)


def _joined(raws: Sequence[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(map(bytes, raws)) + b"]"


def _objects(value: bytes) -> list[dict[str, Any]]:
    """The objects of a message with their fields as they are written. Raises `ValueError` or `RecursionError`."""
    if value.lstrip()[:1] == b"[":
        found: list[dict[str, Any]] = _decoder("objects").decode(value)
        return found
    return [_decoder("object").decode(value)]


def _text(raw: Any) -> str | None:
    """A field's JSON as text: a string without its quotes, null as None, anything else as it is written."""
    if raw is None:
        return None
    data = bytes(raw)
    if data[:1] == b'"':
        text: str = _decoder("text").decode(data)
        return text
    return None if data == b"null" else data.decode("utf-8")


@cache
def _decoder(what: str) -> msgspec.json.Decoder[Any]:
    import msgspec

    types: dict[str, Any] = {
        "raws": list[msgspec.Raw],
        "objects": list[dict[str, msgspec.Raw]],
        "object": dict[str, msgspec.Raw],
        "text": str,
    }
    return msgspec.json.Decoder(types[what])
