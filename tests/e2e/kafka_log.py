"""What a partition of Kafka holds: batches of records with offsets, marks of transactions, and holes.

The bytes are those of record batches of version 2 (Kafka's protocol guide, "Message Format"), as a broker keeps them
and sends them out. Offsets are given out as a broker does: the mark that ends a transaction takes one as well.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

_TRANSACTIONAL, _CONTROL = 0x10, 0x20
_ABORT, _COMMIT = 0, 1
_NO_PRODUCER = -1


@dataclass(frozen=True)
class Batch:
    """Records next to each other, as bytes."""

    first: int
    last: int
    data: bytes


@dataclass
class Log:
    """One partition. `low` is its first offset, `high` the next one to be written."""

    at: int
    low: int = 0
    high: int = 0
    batches: list[Batch] = field(default_factory=list)
    aborted: list[tuple[int, int, int]] = field(default_factory=list)
    _open: dict[int, int] = field(default_factory=dict)

    @property
    def stable(self) -> int:
        """The last stable offset: before it every transaction has ended."""
        return min(self._open.values(), default=self.high)

    def write(self, *values: bytes, producer: int = _NO_PRODUCER) -> None:
        """Appends records; those of a producer belong to its transaction, which begins with the first of them."""
        transactional = producer != _NO_PRODUCER
        if transactional:
            self._open.setdefault(producer, self.high)
        self._append([(None, value) for value in values], _TRANSACTIONAL if transactional else 0, producer)

    def commit(self, producer: int) -> None:
        """Ends a transaction: its records are to be seen."""
        self._end(producer, _COMMIT)

    def abort(self, producer: int) -> None:
        """Ends a transaction: no reader of committed records is to see them."""
        self.aborted.append((producer, self._open[producer], self.high))
        self._end(producer, _ABORT)

    def skip(self, offsets: int) -> None:
        """A hole, as compaction leaves it."""
        self.high += offsets

    def since(self, offset: int, committed: bool) -> tuple[bytes, list[tuple[int, int]]]:
        """Batches from the one with this offset on, and the aborted transactions in them: (producer, first offset).

        A reader of uncommitted records gets all and is not told what was aborted.
        """
        end = self.stable if committed else self.high
        data = b"".join(batch.data for batch in self.batches if offset <= batch.last and batch.first < end)
        aborted = [(producer, first) for producer, first, mark in self.aborted if mark >= offset and first < end]
        return data, aborted if committed else []

    def _end(self, producer: int, kind: int) -> None:
        del self._open[producer]
        self._append([(struct.pack(">hh", 0, kind), struct.pack(">hi", 0, 0))], _TRANSACTIONAL | _CONTROL, producer)

    def _append(self, records: Sequence[tuple[bytes | None, bytes]], attributes: int, producer: int) -> None:
        packed = b"".join(_record(number, key, value) for number, (key, value) in enumerate(records))
        count = len(records)
        # From the attributes on; the checksum before them is not looked at by librdkafka's consumer (check.crcs).
        body = struct.pack(">hiqqqhii", attributes, count - 1, self.at, self.at, producer, 0, -1, count) + packed
        head = struct.pack(">qiibI", self.high, len(body) + 9, 0, 2, 0)
        self.batches.append(Batch(self.high, self.high + count - 1, head + body))
        self.high += count


def _record(number: int, key: bytes | None, value: bytes) -> bytes:
    body = b"\x00" + _varint(0) + _varint(number)
    body += _varint(-1) if key is None else _varint(len(key)) + key
    body += _varint(len(value)) + value + _varint(0)
    return _varint(len(body)) + body


def _varint(number: int) -> bytes:
    """A number in zigzag form, seven bits a byte."""
    left, made = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*made, left])
