"""Turns Kafka records into batches of rows: a JSON object is one row, an array of objects a row each.

A group of records is first decoded by types; one in which anything does not fit is read again exactly, field by field,
so what is put aside does not depend on which records came together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lib.reading import Batch, Reject
from lib.sources._kafka import exact_messages
from lib.sources._kafka.records import Fields, Place, Records
from lib.sources._kafka.typed_messages import Decoder

# Bytes of messages a batch: some 15,000 trades, enough for vectors to pay.
GROUP_BYTES = 2 * 1024 * 1024
# A longer array is cut into pieces, so that memory does not follow the number of its objects.
LONG_BYTES = 256 * 1024


def batches(lists: Iterable[Records], place: Place, fields: Fields) -> Iterator[Batch]:
    """The rows of the records in their order, each batch with the same columns, and what is no row as rejects."""
    typed = Decoder(fields)
    for group, refused in _groups(lists, place):
        found = typed.batch(group, place) if typed.can and group else None
        found = found or exact_messages.batch(group, place, fields)
        yield Batch(found.frame, [*refused, *found.rejects])


def _groups(lists: Iterable[Records], place: Place) -> Iterator[tuple[Records, list[Reject]]]:
    group, refused, size = Records(), list[Reject](), 0
    for records in lists:
        for piece in _short(records, place):
            if isinstance(piece, Reject):
                refused.append(piece)
                continue
            if piece.first:
                # What is not the beginning of its array stands alone.
                if group:
                    yield group, []
                yield piece, refused
                group, refused, size = Records(), [], 0
                continue
            group += piece
            size += sum(map(len, piece.values))
            if size >= GROUP_BYTES:
                yield group, refused
                group, refused, size = Records(), [], 0
    if group or refused:
        yield group, refused


def _short(records: Records, place: Place) -> Iterator[Records | Reject]:
    """The records as they are, or one by one with the long ones in pieces."""
    if max(map(len, records.values), default=0) <= LONG_BYTES:
        yield records
        return
    for record in records:
        if len(record.value) > LONG_BYTES:
            yield from exact_messages.pieces(record, place)
        else:
            yield Records([record.offset], [record.timestamp], [record.value])
