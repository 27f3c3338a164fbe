"""`kafka <topic>`: JSON objects or arrays of objects, each object a row, up to the end of the topic at the start.

Partitions are assigned and sought from the watermark in the warehouse; there is no consumer group, so nothing but the
warehouse says how far it has been read. A row is a pure function of its message: `_timestamp` is the record's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lib import log, telemetry
from lib.catalog import TableFile
from lib.errors import Misconfigured, SourceLost, Unavailable
from lib.reading import Batch, Known, Part, Reject, Window
from lib.settings import settings
from lib.sources import _messages

if TYPE_CHECKING:
    from confluent_kafka import Consumer

# Offsets a part: what one transaction publishes, and what a killed run reads again at most.
PART_OFFSETS = 200_000
_CONSUMED_AT_ONCE = 2000
_TIMEOUT_SECONDS = 10.0
# How long a broker may say nothing while there are messages to come.
_SILENCE_SECONDS = 60.0


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """Ranges of offsets of each partition, from the watermark to the high-water mark at the start.

    Raises `SourceLost` when messages that have not been loaded are gone, `Unavailable` when no broker answers.
    """
    assert table.source is not None
    topic = table.source.what
    with _consumer() as consumer:
        bounds = {number: _bounds(consumer, topic, number, window) for number in _partitions(consumer, topic)}
    for number, (low, high, begin, end) in bounds.items():
        name = f"{topic}/{number}"
        stored = known.positions.get(name)
        first = begin if window.is_range or stored is None else int(stored)
        _check_gap(table, name, stored, low, high)
        for start in range(first, end, PART_OFFSETS):
            until = min(start + PART_OFFSETS, end)
            moves = not window.is_range and (stored is None or until > int(stored))
            yield Part(
                name,
                partial(_batches, topic, number, start, until),
                from_position=str(start),
                to_position=str(until),
                positions={name: str(until)} if moves else {},
            )


def _check_gap(table: TableFile, name: str, stored: str | None, low: int, high: int) -> None:
    if stored is None or low <= int(stored) <= high:
        return
    if int(stored) < low:
        what = f"offsets {stored} to {low - 1} are gone: retention has passed them"
    else:
        what = f"the topic ends at {high} and {stored} has been loaded: it was made anew"
    raise SourceLost(
        f"{table.name}: {name}: {what}",
        hint=f"load what is lost from elsewhere, then: UPDATE ops_watermark SET position = '{low}'"
        f" WHERE target = '{table.name}' AND part = '{name}'",
    )


@contextmanager
def _consumer() -> Iterator[Consumer]:
    from confluent_kafka import Consumer

    servers = settings().kafka_bootstrap_servers
    if not servers:
        raise Misconfigured("KAFKA_BOOTSTRAP_SERVERS is not set: brokers of the `kafka` sources", hint="host:port, ...")
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            # librdkafka wants a name; nothing is ever committed under it.
            "group.id": "nightshift",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
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
        yield consumer
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    from confluent_kafka import KafkaException

    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    except KafkaException as error:
        raise _unavailable(error) from None
    if found.error is not None or not found.partitions:
        raise Misconfigured(f"Kafka has no topic {topic!r}", hint="check `-- source:` and KAFKA_BOOTSTRAP_SERVERS")
    return sorted(found.partitions)


def _bounds(consumer: Consumer, topic: str, number: int, window: Window) -> tuple[int, int, int, int]:
    """(low, high, begin, end) of a partition: what there is, and what is asked for."""
    from confluent_kafka import KafkaException, TopicPartition

    try:
        low, high = consumer.get_watermark_offsets(
            TopicPartition(topic, number), timeout=_TIMEOUT_SECONDS, cached=False
        )
        begin, end = low, high
        for bound, is_begin in ((window.since, True), (window.until, False)):
            if bound is not None:
                stamp = int(bound.timestamp() * 1000)
                asked = [TopicPartition(topic, number, stamp)]
                at = consumer.offsets_for_times(asked, timeout=_TIMEOUT_SECONDS)[0].offset
                at = high if at < 0 else at
                begin, end = (at, end) if is_begin else (begin, at)
    except KafkaException as error:
        raise _unavailable(error) from None
    return low, high, begin, end


def _unavailable(error: Exception) -> Unavailable:
    said = error.args[0].str() if error.args and hasattr(error.args[0], "str") else str(error)
    return Unavailable(f"Kafka at {settings().kafka_bootstrap_servers}: {said}", hint="./run doctor", service="Kafka")


def _batches(topic: str, number: int, start: int, until: int) -> Iterator[Batch]:
    """Reads offsets [start, until) of one partition."""
    from confluent_kafka import TopicPartition

    with _consumer() as consumer, telemetry.span(f"receive {topic}", **{"messaging.system": "kafka"}):
        consumer.assign([TopicPartition(topic, number, start)])
        for messages in _consume(consumer, topic, number, start, until):
            yield _batch(topic, number, messages)


def _consume(consumer: Consumer, topic: str, number: int, start: int, until: int) -> Iterator[list[Any]]:
    """Messages below `until`, in lists. Offsets may have holes (transactions, compaction): the position decides."""
    import time

    from confluent_kafka import TopicPartition

    heard = time.monotonic()
    at = start
    while True:
        # No more than there can be, so that the call returns with the last message and not with its timeout.
        received = consumer.consume(min(_CONSUMED_AT_ONCE, until - at), timeout=1.0)
        for message in received:
            if (error := message.error()) is not None:
                raise Unavailable(f"Kafka: {topic}/{number}: {error.str()}", service="Kafka")
        wanted = [message for message in received if (message.offset() or 0) < until]
        if wanted:
            yield wanted
        if len(wanted) < len(received):
            return
        at = consumer.position([TopicPartition(topic, number)])[0].offset
        if at >= until:
            return
        if received:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_SECONDS:
            raise Unavailable(
                f"Kafka: {topic}/{number}: nothing came for {_SILENCE_SECONDS:.0f} s at {at}, the end is {until}",
                service="Kafka",
            )


def _batch(topic: str, number: int, messages: list[Any]) -> Batch:
    rows: list[dict[str, str | None]] = []
    rejects: list[Reject] = []
    for message in messages:
        place = _messages.Place(topic, number, message.offset(), message.timestamp()[1])
        good, bad = _messages.rows(message.value(), place)
        rows += good
        rejects += bad
    if rejects:
        log.warning(
            "poison_messages",
            topic=topic,
            partition=number,
            rejects=len(rejects),
            first=rejects[0].coordinates,
        )
    return _messages.batch(rows, rejects)
