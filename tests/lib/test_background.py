"""Work beside the program: what came of it, and what a signal does to whoever waits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from lib.background import Background, ahead


class Told(Exception):
    """What the work, or a signal, raises."""


def _numbers(closed: list[bool], fault_at: int = -1) -> Iterator[int]:
    try:
        for number in range(5):
            if number == fault_at:
                raise Told(str(number))
            yield number
    finally:
        closed.append(True)


def test_the_same_items_come_in_the_same_order() -> None:
    assert list(ahead(_numbers([]))) == [0, 1, 2, 3, 4]


def test_a_fault_comes_where_its_item_would() -> None:
    items = ahead(_numbers([], fault_at=2))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(Told, match="2"):
        next(items)


def test_what_is_left_early_is_closed() -> None:
    closed: list[bool] = []
    items = ahead(_numbers(closed))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_a_signal_ends_the_waiting_and_not_the_work() -> None:
    """Thread.join would call a thread ended when a signal interrupts it, and it would be closed while it runs."""

    def stop(_number: int, _frame: object) -> None:
        raise Told

    before = signal.signal(signal.SIGALRM, stop)
    go_on = threading.Event()
    try:
        work = Background(go_on.wait)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Told):
            work.wait()
        assert not work.ended(seconds=0)
        go_on.set()
        assert work.ended(seconds=10)
        assert work.wait() is True
    finally:
        signal.signal(signal.SIGALRM, before)
