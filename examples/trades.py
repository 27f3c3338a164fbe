"""The topic `trade.history`, day by day: JSON arrays of 1 to 50 trades, with what real producers do to them.

Late messages keep their timestamp and come one or two days after. Some messages come twice. Of those that
come again the day after, some carry a new timestamp, as a producer that lost the answer gives them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from random import Random

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivered

from examples.broker import TOPIC
from examples.clockwork import OPENS, chance, instant, milliseconds
from examples.matching_engine import U64_MAX, MatchingEngine, Side, Trade

LARGEST_BATCH = 50
LATE_SHARE = 0.03
REPEATED_SHARE = 0.03
PRODUCE_SECONDS = 30.0
QUEUE_MESSAGES = 10_000

# Trade ids cross 2^63 early on the first day: half of every tool's integers end there.
FIRST_TRADE_ID = 2**63 - 100
FIRST_ORDER_ID = 5_000_001
_OVERFLOW = asdict(Trade(U64_MAX + 1, 1, 1, 2, 3, 4, 5, 6))
POISON = (
    b'[{"trade_id": 17, "match_se',
    b'{"kind": "heartbeat", "at": "2026-11-01T00:00:00Z"}',
    json.dumps([_OVERFLOW]).encode(),
)


@dataclass(frozen=True, slots=True)
class Message:
    """One record to produce: value, and timestamp in milliseconds since 1970."""

    timestamp_ms: int
    value: bytes


class Market:
    """The trading of one instrument; `advance` gives the messages of one day after the other."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._engine = MatchingEngine(FIRST_ORDER_ID, FIRST_TRADE_ID)
        self._resting: list[int] = []
        self._middle = 10_000
        self._waiting: dict[date, list[Message]] = {}

    def advance(self, day: date, users: Sequence[int], trades: int, *, poison: bool = False) -> list[Message]:
        """The messages produced on that day, in order: its own, late and repeated ones, poison on request."""
        rng = chance(self._seed, "market", day)
        produced = self._waiting.pop(day, [])
        for message in _messages(day, self._trade(day, users, trades, rng), rng):
            produced.extend(self._deliver(day, message, rng))
        if poison:
            moment = milliseconds(instant(day, rng))
            produced[len(produced) // 2 : 0] = [Message(moment, value) for value in POISON]
        return produced

    def _trade(self, day: date, users: Sequence[int], wanted: int, rng: Random) -> list[Trade]:
        found: list[Trade] = []
        while len(found) < wanted:
            self._middle = max(100, self._middle + rng.choice((-2, -1, 0, 0, 1, 2)))
            user = rng.choice(users)
            side = _side(user, day, rng)
            away = round(rng.gauss(2, 5))
            price = max(1, self._middle - away if side == "buy" else self._middle + away)
            quantity = 1 + int(rng.paretovariate(1.2)) % 500
            order_id, trades = self._engine.submit(user, side, price, quantity)
            found.extend(trades)
            self._resting.append(order_id)
            if rng.random() < 0.3:
                self._engine.cancel(self._resting.pop(rng.randrange(len(self._resting))))
        return found

    def _deliver(self, day: date, message: Message, rng: Random) -> Iterable[Message]:
        if rng.random() < LATE_SHARE:
            self._wait(day + timedelta(days=rng.choice((1, 1, 2))), message)
            return
        yield message
        if rng.random() < REPEATED_SHARE:
            match rng.choice(("at once", "next day", "next day, new timestamp")):
                case "at once":
                    yield message
                case "next day":
                    self._wait(day + timedelta(days=1), message)
                case _:
                    again = datetime.combine(day + timedelta(days=1), OPENS)
                    self._wait(again.date(), Message(milliseconds(again), message.value))

    def _wait(self, day: date, message: Message) -> None:
        self._waiting.setdefault(day, []).append(message)


def _side(user: int, day: date, rng: Random) -> Side:
    """A user mostly buys or mostly sells on a day, so that few meet themselves."""
    buys = (user + day.toordinal()) % 2 == 0
    return "buy" if buys != (rng.random() < 0.05) else "sell"


def _messages(day: date, trades: list[Trade], rng: Random) -> list[Message]:
    sizes: list[int] = []
    while sum(sizes) < len(trades):
        size = rng.randint(1, LARGEST_BATCH) if rng.random() < 0.2 else rng.randint(1, 8)
        sizes.append(min(size, len(trades) - sum(sizes)))
    moments = sorted(milliseconds(instant(day, rng)) + rng.randrange(1000) for _ in sizes)
    messages, start = [], 0
    for size, moment in zip(sizes, moments, strict=True):
        value = json.dumps([asdict(trade) for trade in trades[start : start + size]], separators=(",", ":"))
        messages.append(Message(moment, value.encode()))
        start += size
    return messages


def produce(bootstrap_servers: str, messages: Sequence[Message], topic: str = TOPIC) -> int:
    """Sends the messages, spread over the topic's partitions in turn; returns how many.

    Raises `RuntimeError` when the broker did not take all of them within PRODUCE_SECONDS.
    """
    producer = Producer({"bootstrap.servers": bootstrap_servers, "acks": "all", "log_level": 3})
    refused: list[KafkaError] = []

    def note(error: KafkaError | None, _: Delivered) -> None:
        if error is not None:
            refused.append(error)

    partitions = sorted(producer.list_topics(topic, timeout=PRODUCE_SECONDS).topics[topic].partitions)
    for number, message in enumerate(messages):
        if len(producer) >= QUEUE_MESSAGES:
            producer.flush(PRODUCE_SECONDS)
        partition = partitions[number % len(partitions)]
        producer.produce(topic, message.value, partition=partition, timestamp=message.timestamp_ms, on_delivery=note)
    left = producer.flush(PRODUCE_SECONDS)
    if left or refused:
        raise RuntimeError(
            f"{topic} at {bootstrap_servers}: {left + len(refused)} of {len(messages)} messages not delivered"
            f"{': ' + str(refused[0]) if refused else ''}"
        )
    return len(messages)
