"""Asks Kafka and reads from it: partitions, bounds, and the records of a range of offsets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib import log
from lib.errors import Misconfigured, SourceLost, Unavailable
from lib.settings import settings
from lib.sources._kafka.records import Place, Records

if TYPE_CHECKING:
    from confluent_kafka import Consumer as Consumer
    from confluent_kafka import KafkaError

_TIMEOUT_SECONDS = 10.0
# How long a broker may say nothing while there are messages to come.
_SILENCE_SECONDS = 60.0
# Messages taken at once; fewer when they are long, so that memory does not follow their size.
_MESSAGES_AT_ONCE = 2000
_BYTES_AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Bounds:
    """Offsets of a partition: `low` is the oldest that is there, `high` the next one to be written."""

    low: int
    high: int


@contextmanager
def consumer() -> Iterator[Consumer]:
    """A consumer that commits nothing and belongs to no group."""
    from confluent_kafka import Consumer

    servers = settings().kafka_bootstrap_servers
    if not servers:
        raise Misconfigured("KAFKA_BOOTSTRAP_SERVERS is not set: brokers of the `kafka` sources", hint="host:port, ...")
    made = Consumer(
        {
            "bootstrap.servers": servers,
            # librdkafka wants a name; nothing is ever committed under it.
            "group.id": "nightshift",
            "enable.auto.commit": False,
            # The end of a partition may be a transaction's mark, which is no message: it is heard of by this event.
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            # A position that is gone must be an error, not a silent jump.
            "auto.offset.reset": "error",
            # librdkafka sleeps for a second by default whenever its queue is full: 2.4 times slower, measured.
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 16384,
            "log_level": 0,
        }
    )
    try:
        yield made
    finally:
        made.close()


def partitions(found: Consumer, topic: str) -> list[int]:
    """The partitions of a topic. Raises `Misconfigured` when there is no such topic."""
    from confluent_kafka import KafkaException

    try:
        told = found.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    except KafkaException as error:
        raise _unavailable(error) from None
    if told.error is not None or not told.partitions:
        raise Misconfigured(f"Kafka has no topic {topic!r}", hint="check `-- source:` and KAFKA_BOOTSTRAP_SERVERS")
    return sorted(told.partitions)


def bounds(found: Consumer, place: Place) -> Bounds:
    """What a partition has got now; of open transactions, what is before them."""
    from confluent_kafka import KafkaException, TopicPartition

    try:
        low, high = found.get_watermark_offsets(
            TopicPartition(place.topic, place.partition), timeout=_TIMEOUT_SECONDS, cached=False
        )
    except KafkaException as error:
        raise _unavailable(error) from None
    return Bounds(low, high)


def first_since(found: Consumer, place: Place, milliseconds: int) -> int | None:
    """The offset before which every record is older; None when Kafka knows of no record that is not."""
    from confluent_kafka import KafkaException, TopicPartition

    try:
        asked = [TopicPartition(place.topic, place.partition, milliseconds)]
        at = found.offsets_for_times(asked, timeout=_TIMEOUT_SECONDS)[0].offset
    except KafkaException as error:
        raise _unavailable(error) from None
    return None if at < 0 else int(at)


def records(place: Place, start: int, until: int) -> Iterator[Records]:
    """The records of offsets [start, until), some at a time, without those that have no value.

    Offsets may have holes (transactions, compaction). Raises `Unavailable` when the broker falls silent, `SourceLost`
    when it has deleted what was to be read.
    """
    from confluent_kafka import Message

    tombstones = 0
    with consumer() as found:
        for messages in _messages(found, place, start, until):
            # This is what a message costs: no line of Python is run for it.
            values = list(map(Message.value, messages))
            times = [at for _, at in map(Message.timestamp, messages)]
            made = Records(list(map(Message.offset, messages)), times, values)  # type: ignore[arg-type]  # has offsets
            # What lives on while rows are made of it is gone through by Python's collector of cycles.
            messages.clear()
            if not all(values):
                tombstones += values.count(None)
                made = made.where(value is not None for value in values)
            yield made
    if tombstones:
        log.warning("tombstones", part=str(place), messages=tombstones, from_offset=start, to_offset=until)


def _messages(found: Consumer, place: Place, start: int, until: int) -> Iterator[list[Any]]:
    from confluent_kafka import Message, TopicPartition

    found.assign([TopicPartition(place.topic, place.partition, start)])
    heard, at, wanted = time.monotonic(), start, 1
    while at < until:
        # No more than there can be, so that the call returns with the last message and not with its timeout.
        received = found.consume(min(wanted, until - at), timeout=1.0)
        sound = received
        if any(map(Message.error, received)):
            sound = [message for message in received if message.error() is None]
            at = _end_of_partition(received, place, at)
        if sound:
            at = max(at, (sound[-1].offset() or 0) + 1)
            size = sum(map(len, sound)) // len(sound) + 1
            wanted = max(1, min(_MESSAGES_AT_ONCE, wanted * 4, _BYTES_AT_ONCE // size))
            yield sound if at <= until else [message for message in sound if (message.offset() or 0) < until]
        if received:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_SECONDS:
            raise Unavailable(
                f"Kafka: {place}: nothing came for {_SILENCE_SECONDS:.0f} s at {at}, the end is {until}",
                service="Kafka",
            )


def _end_of_partition(received: list[Any], place: Place, at: int) -> int:
    """How far the partition has been read by the event of its end; any other event is an error."""
    from confluent_kafka import KafkaError

    for message in received:
        fault = message.error()
        if fault is not None and fault.code() != KafkaError._PARTITION_EOF:
            raise _lost(fault, place, at)
        if fault is not None:
            at = max(at, message.offset())
    return at


def _lost(fault: KafkaError, place: Place, at: int) -> SourceLost | Unavailable:
    from confluent_kafka import KafkaError

    if fault.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        return SourceLost(f"{place}: offset {at} has gone while it was to be read: {fault.str()}", hint="./run doctor")
    return Unavailable(f"Kafka: {place}: {fault.str()}", service="Kafka")


def _unavailable(error: Exception) -> Unavailable:
    said = error.args[0].str() if error.args and hasattr(error.args[0], "str") else str(error)
    return Unavailable(f"Kafka at {settings().kafka_bootstrap_servers}: {said}", hint="./run doctor", service="Kafka")
