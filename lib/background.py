"""One act beside the program, in a thread that never keeps the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """An act that has been started; `wait` gives what came of it. Log lines and spans are those of its starter."""

    def __init__(self, act: Callable[[], T]) -> None:
        # Not joined: a signal that interrupts Thread.join makes a running thread look ended.
        self._future: Future[T] = Future()
        context = copy_context()
        threading.Thread(target=lambda: context.run(self._run, act), daemon=True).start()

    def _run(self, act: Callable[[], T]) -> None:
        try:
            self._future.set_result(act())
        except BaseException as fault:  # whoever waits is told
            self._future.set_exception(fault)

    def wait(self) -> T:
        """The result of the act once it has ended. Raises what it raised."""
        return self._future.result()

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, for which these seconds are waited."""
        return not futures.wait([self._future], seconds).not_done


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order; while one is worked on, the next is already being made.

    For work that lets go of Python's lock: reading, polars, a library in C. The items must not be None.
    """
    # One context for all steps: a span that an item opens may be closed by the next one.
    context = copy_context()
    step = partial(context.run, next, items, None)
    coming: Background[T | None] = Background(step)
    try:
        while (item := coming.wait()) is not None:
            coming = Background(step)
            yield item
    finally:
        close = getattr(items, "close", None)
        # A generator that hangs in a read cannot be closed; its thread goes with the process.
        if close is not None and coming.ended(seconds=2):
            context.run(close)
