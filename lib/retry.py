"""Repeats an act whose error is transient: capped exponential backoff with jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lib.errors import Told
from lib.settings import settings

Result = TypeVar("Result")
LONGEST_WAIT_SECONDS = 60.0


def is_transient(error: Exception) -> bool:
    """Whether the same act may succeed in a moment."""
    return isinstance(error, Told) and error.transient


def call(
    action: Callable[[], Result],
    *,
    before_retry: Callable[[Exception, int, float], None],
    attempts: int | None = None,
) -> Result:
    """Calls `action`, again while its error is transient, NIGHTSHIFT_ATTEMPTS times at most, or `attempts` times.

    `before_retry(error, attempt, wait_seconds)` is told of each failed attempt that will be followed by another.
    Raises the last error.
    """
    try:
        return action()
    except Exception as error:
        most = attempts or settings().nightshift_attempts
        if most == 1 or not is_transient(error):
            raise
        return _again(action, error, most, before_retry)


def _again(
    action: Callable[[], Result], first: Exception, most: int, before_retry: Callable[[Exception, int, float], None]
) -> Result:
    """What follows a failed first attempt; only here stamina is imported, for which most jobs have no use."""
    import stamina
    from stamina.instrumentation import RetryDetails, set_on_retry_hooks

    def hook(details: RetryDetails) -> None:
        before_retry(details.caused_by, details.retry_num, details.wait_for)

    set_on_retry_hooks([hook])
    tries = stamina.retry_context(
        on=is_transient,
        attempts=most,
        timeout=None,
        wait_initial=settings().nightshift_backoff,
        wait_jitter=settings().nightshift_backoff,
        wait_max=LONGEST_WAIT_SECONDS,
    )
    for attempt in tries:
        with attempt:
            if attempt.num == 1:
                raise first
            return action()
    raise AssertionError("stamina ended without a result or an error")
