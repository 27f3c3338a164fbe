"""Turns Kafka records into batches of rows: a JSON object is one row, an array of objects a row each.

A group of records is first decoded by types; one in which anything does not fit is read again exactly, field by field,
so what is put aside does not depend on which records came together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lib.reading import Batch, Reject
from lib.sources import _exact_messages
from lib.sources._records import Fields, Place, Record
from lib.sources._typed_messages import Decoder

# Bytes of messages a batch: some 15,000 trades, enough for vectors to pay.
GROUP_BYTES = 2 * 1024 * 1024
# A longer array is cut into pieces, so that memory does not follow the number of its objects.
LONG_BYTES = 256 * 1024


def batches(lists: Iterable[list[Record]], place: Place, fields: Fields) -> Iterator[Batch]:
    """The rows of the records in their order, each batch with the same columns, and what is no row as rejects."""
    typed = Decoder(fields)
    for group, refused in _groups(lists, place):
        found = typed.batch(group, place) if typed.can and group else None
        found = found or _exact_messages.batch(group, place, fields)
        yield Batch(found.frame, [*refused, *found.rejects])


def _groups(lists: Iterable[list[Record]], place: Place) -> Iterator[tuple[list[Record], list[Reject]]]:
    group: list[Record] = []
    refused: list[Reject] = []
    size = 0
    for records in lists:
        for piece in _short(records, place):
            if isinstance(piece, Reject):
                refused.append(piece)
                continue
            group += piece
            size += sum(len(record.value) for record in piece)
            if size >= GROUP_BYTES:
                yield group, refused
                group, refused, size = [], [], 0
    if group or refused:
        yield group, refused


def _short(records: list[Record], place: Place) -> Iterator[list[Record] | Reject]:
    """The records as they are, or one by one with the long ones in pieces."""
    if all(len(record.value) <= LONG_BYTES for record in records):
        yield records
        return
    for record in records:
        for piece in _exact_messages.pieces(record, place) if len(record.value) > LONG_BYTES else (record,):
            yield piece if isinstance(piece, Reject) else [piece]
