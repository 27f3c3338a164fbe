"""What time it is: the host's clock, or the one a demo or a test has set with NIGHTSHIFT_NOW."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from lib.settings import settings

_started = time.monotonic()

# Evening and morning belong to one night: a night is named after the day on which its evening begins.
NIGHT_BEGINS = timedelta(hours=12)


def now() -> datetime:
    """The current instant, naive and in UTC like every time in the warehouse.

    With NIGHTSHIFT_NOW the clock starts at that instant and goes on from there (refused in production).
    """
    fixed = settings().nightshift_now
    if fixed is None:
        return datetime.now(UTC).replace(tzinfo=None)
    return fixed + timedelta(seconds=time.monotonic() - _started)


def cycle(at: datetime | None = None) -> date:
    """The night to which an instant belongs: from noon to noon UTC, named after the day of its evening."""
    return ((at or now()) - NIGHT_BEGINS).date()
