"""`kafka <topic>`: JSON objects or arrays of objects, each object a row, up to the end of the topic at the start.

Partitions are assigned and sought from the watermark in the warehouse; there is no consumer group, so nothing but the
warehouse says how far it has been read. A row is a pure function of its message: `_timestamp` is the record's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from lib import clock, log, telemetry
from lib.background import ahead
from lib.catalog import TableFile
from lib.errors import SourceLost
from lib.reading import ACCEPTED_GAP, END, Batch, Known, Part, Window, read_again
from lib.sources._kafka import broker, messages
from lib.sources._kafka.broker import Bounds
from lib.sources._kafka.records import Fields, Place, Records

if TYPE_CHECKING:
    from lib.sources._kafka.broker import Consumer

# Offsets a part: what one transaction publishes, and what a killed run reads again at most.
PART_OFFSETS = 200_000
# 2000-01-01: a clock that has not been set says that it is 1970.
_OLDEST = 946_684_800_000


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """Ranges of offsets of each partition, from the watermark to the high-water mark at the start.

    Raises `SourceLost` when messages that have not been loaded are gone, once all that is there has been handed over;
    `Unavailable` when no broker answers.
    """
    assert table.source is not None
    topic = table.source.what
    fields = Fields.of(table, known.columns)
    if window.is_range:
        with broker.consumer() as consumer:
            asked = [_range(consumer, table, place, window) for place in _places(consumer, topic)]
        for place, start, until in asked:
            yield from _parts(place, start, until, fields, window)
        return
    with broker.consumer() as consumer:
        found = {place: broker.bounds(consumer, place) for place in _places(consumer, topic)}
    lost: list[tuple[Place, str]] = []
    for place, position in _deleted(topic, found, known).items():
        gap = f"{position} has been loaded and the partition is gone"
        if str(place) in window.accept_gaps:
            yield _accepted(place, position, 0, gap)
        else:
            lost.append((place, gap))
    for place, bounds in found.items():
        stored = known.positions.get(str(place))
        _tell(table, place, bounds, stored, known)
        gap = _gap(stored, bounds)
        if gap and str(place) not in window.accept_gaps:
            lost.append((place, gap))
            continue
        if gap:
            yield _accepted(place, str(stored), bounds.low, gap)
        start = bounds.low if gap or stored is None else int(stored)
        yield from _parts(place, start, bounds.high, fields, window)
    if lost:
        raise _lost(table, lost)


def _places(consumer: Consumer, topic: str) -> list[Place]:
    return [Place(topic, number) for number in broker.partitions(consumer, topic)]


def _parts(place: Place, start: int, until: int, fields: Fields, window: Window) -> Iterator[Part]:
    for first in range(start, until, PART_OFFSETS):
        end = min(first + PART_OFFSETS, until)
        yield Part(
            str(place),
            partial(_read, place, first, end, fields, window),
            content=read_again(window) if window.is_range else "",
            from_position=str(first),
            to_position=str(end),
            positions={} if window.is_range else {str(place): str(end), f"{place}{END}": str(until)},
        )


def _gap(stored: str | None, bounds: Bounds) -> str:
    """What is lost between the watermark and what there is, in words; empty when nothing is."""
    if stored is None or bounds.low <= int(stored) <= bounds.high:
        return ""
    if int(stored) < bounds.low:
        return f"offsets {stored} to {bounds.low - 1} are gone: retention has passed them"
    return f"the topic ends at {bounds.high} and {stored} has been loaded: it was made anew"


def _deleted(topic: str, found: Mapping[Place, Bounds], known: Known) -> dict[Place, str]:
    """Partitions that have been read and are not there any more, with how far."""
    gone = {}
    for name, position in known.positions.items():
        of_topic, _, number = name.rpartition("/")
        # A watermark of 0 is one whose loss has been accepted, or that never had a message.
        if of_topic == topic and number.isdecimal() and position != "0" and Place(topic, int(number)) not in found:
            gone[Place(topic, int(number))] = position
    return gone


def _accepted(place: Place, stored: str, low: int, gap: str) -> Part:
    """A part without a row, so that the ledger keeps who accepted what."""
    log.warning("gap_accepted", part=str(place), gap=gap, from_offset=stored, to_offset=low)
    return Part(
        str(place),
        lambda: iter(()),
        content=ACCEPTED_GAP,
        from_position=stored,
        to_position=str(low),
        positions={str(place): str(low)},
    )


def _lost(table: TableFile, lost: list[tuple[Place, str]]) -> SourceLost:
    gaps = "; ".join(f"{place}: {what}" for place, what in lost)
    accepted = " ".join(f"--accept-gap {place}" for place, _ in lost)
    return SourceLost(
        f"{table.name}: {gaps}",
        hint=f"load what is lost from elsewhere, then: ./run load_facts --only {table.name} {accepted}",
    )


def _tell(table: TableFile, place: Place, bounds: Bounds, stored: str | None, known: Known) -> None:
    """The lag, and what is new about the topic."""
    others = any(name.startswith(f"{place.topic}/") for name in known.positions)
    if stored is None and others:
        log.warning("partition_added", table=table.name, part=str(place), begins_at=bounds.low, ends_at=bounds.high)
    if stored is None and bounds.low > 0:
        log.warning("begins_late", table=table.name, part=str(place), begins_at=bounds.low, hint="older ones are gone")
    lag = bounds.high - (bounds.low if stored is None else int(stored))
    log.info("lag", table=table.name, part=str(place), messages=lag, position=stored, high=bounds.high)
    telemetry.gauge("nightshift.kafka.lag", lag, **{"nightshift.table": table.name, "nightshift.part": str(place)})


def _range(consumer: Consumer, table: TableFile, place: Place, window: Window) -> tuple[Place, int, int]:
    """Offsets between which every record of the window stands, if none is later than the table's lateness."""
    found = broker.bounds(consumer, place)
    start, until = found.low, found.high
    if window.since is not None:
        first = broker.first_since(consumer, place, _milliseconds(window.since))
        # Some brokers keep no index of times and know of nothing at all; then everything is looked through.
        knows = first is not None or broker.first_since(consumer, place, 0) is not None
        start = first if first is not None else until if knows else start
    if window.until is not None:
        last = broker.first_since(consumer, place, _milliseconds(window.until + _lateness(table)))
        until = until if last is None else last
    return place, start, until


def _lateness(table: TableFile) -> timedelta:
    return table.lateness or timedelta(days=1)


def _milliseconds(at: datetime) -> int:
    from datetime import UTC

    return int(at.replace(tzinfo=UTC).timestamp() * 1000)


def _read(place: Place, start: int, until: int, fields: Fields, window: Window) -> Iterator[Batch]:
    return ahead(_batches(place, start, until, fields, window))


def _batches(place: Place, start: int, until: int, fields: Fields, window: Window) -> Iterator[Batch]:
    odd = 0
    with telemetry.span(f"receive {place.topic}", **{"messaging.system": "kafka"}):
        records = _within(broker.records(place, start, until), window)
        for batch in messages.batches(records, place, fields):
            if batch.rejects:
                first = batch.rejects[0].coordinates
                log.warning("poison_messages", part=str(place), rejects=len(batch.rejects), first=first)
            odd += _out_of_time(batch)
            yield batch
    if odd:
        # They are loaded all the same: a row is a pure function of its record, and not of the hour of its load.
        log.warning("rows_out_of_time", part=str(place), rows=odd, from_offset=start, to_offset=until)


def _out_of_time(batch: Batch) -> int:
    """Rows whose record says that it is of before 2000, or from the future."""
    import polars as pl

    soon = _milliseconds(clock.now() + timedelta(days=1))
    return int(batch.frame.select((~pl.col("_timestamp").is_between(_OLDEST, soon)).sum()).item() or 0)


def _within(lists: Iterator[Records], window: Window) -> Iterator[Records]:
    """Those of a range; one without a timestamp is in every range, so that it is told of."""
    if not window.is_range:
        return lists
    low = -(2**63) if window.since is None else _milliseconds(window.since)
    high = 2**63 if window.until is None else _milliseconds(window.until)
    return (records.where(low <= at < high or at < 0 for at in records.timestamps) for records in lists)
