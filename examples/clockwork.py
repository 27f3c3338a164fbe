"""Days, instants and random numbers of the sample sources: the same seed and day give the same of each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

OPENS = time(8, 0)
CLOSES = time(17, 30)


def chance(seed: int, *names: object) -> random.Random:
    """A random generator of its own for what `names` say, such as `chance(1, "users", day)`."""
    return random.Random("/".join(str(part) for part in (seed, *names)))


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def instant(day: date, rng: random.Random) -> datetime:
    """A second of that day's business hours, UTC, without zone as databases keep it."""
    opens = datetime.combine(day, OPENS)
    seconds = int((datetime.combine(day, CLOSES) - opens).total_seconds())
    return opens + timedelta(seconds=rng.randrange(seconds))


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of a UTC time without zone: what a Kafka record carries."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
