"""A follower beside the nights: it reads on until it is told to stop, and nobody else reads the same."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from tests.jobs.test_kafka import Bridge, bridge, broker, trade

__all__ = ["bridge", "broker"]


def test_a_follower_reads_on_until_it_is_told_to_stop(
    bridge: Bridge, until: Callable[[Callable[[], Any]], Any]
) -> None:
    bridge.send([trade(1)])
    follower = bridge.start("follow_facts", "--every", "0.2")
    until(lambda: bridge.ids() == [1])
    bridge.send([trade(2), trade(3)])
    until(lambda: bridge.ids() == [1, 2, 3])
    until(lambda: [row["rows_loaded"] for row in bridge.sql("SELECT rows_loaded FROM ops_job_run")][-1:] == [3])
    night = bridge.load()
    assert (night.exit_code, night.document["rows"]["read"]) == (0, 0)
    assert "left to its follower (lock table-fact_trade: held by follow_facts" in night.document["notes"][0]
    assert bridge.load("--since", "2026-11-01").exit_code == 75
    assert bridge.run("follow_facts").exit_code == 75
    follower.process.send_signal(signal.SIGTERM)
    ended = follower.end()
    assert (ended.exit_code, ended.document["state"]) == (0, "done")
    assert ended.document["rows"] == {"read": 3, "loaded": 3, "repeated": 0, "quarantined": 0, "standing": 0}
    (row,) = bridge.sql("SELECT state, rows_loaded FROM ops_job_run WHERE job = 'follow_facts' AND rows_loaded > 0")
    assert (row["state"], row["rows_loaded"]) == ("done", 3)
    bridge.send([trade(4)])
    assert bridge.load().document["rows"]["loaded"] == 1


def test_a_follower_ends_where_messages_are_lost(bridge: Bridge) -> None:
    bridge.send([trade(1)])
    assert bridge.load().exit_code == 0
    for number in range(8):
        bridge.send([trade(10 + number, filler="x" * 900_000)])
    assert bridge.run("follow_facts").exit_code == 65


def test_what_does_not_end_or_cannot_be_followed_is_refused(bridge: Bridge) -> None:
    assert bridge.run("follow_facts", "--dry-run").exit_code == 2
    assert bridge.run("follow_facts", "--every", "now").exit_code == 2
