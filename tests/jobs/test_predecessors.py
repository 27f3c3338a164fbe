"""Locks, nights and predecessors: exit 75 names who is in the way, and the ledger says `skipped`."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from lib import lock
from tests.jobs.people import everybody, messages
from tests.jobs.small_warehouse import Night, told_lines
from tests.lib.scripted_starrocks import Listener


def test_a_predecessor_that_has_not_run(night: Night, hook: Listener) -> None:
    done = night.run("load_facts", "--json", **everybody(hook))
    assert (done.exit_code, done.document["state"]) == (75, "skipped")
    told = f"load_facts: not before its predecessors: load_dimensions has not run in the night of {night.cycle}"
    assert done.error == told
    assert done.document["hint"].startswith("./run load_dimensions, then ./run load_facts")
    (run,) = night.runs()
    assert (run["state"], run["exit_code"], run["error"]) == ("skipped", 75, told)
    assert run["ended_at"] is not None
    assert night.run("refresh_views", **everybody(hook)).exit_code == 75
    ((path, title, text),) = messages(hook)
    assert (path, title) == ("/CRITICAL", f"load_facts skipped: night of {night.cycle}"), "the first of the chain tells"
    assert told in text


@pytest.mark.parametrize(
    ("state", "exit_code", "is_told"),
    [
        ("done", 0, False),
        ("partial", 0, False),
        ("failed", 75, False),
        ("crashed", 75, False),
        ("interrupted", 75, True),
        ("running", 75, True),
        ("skipped", 75, False),
    ],
)
def test_the_state_of_the_predecessor_decides(
    night: Night, hook: Listener, state: str, exit_code: int, is_told: bool
) -> None:
    night.was("load_dimensions", state)
    done = night.run("load_facts", **everybody(hook))
    assert done.exit_code == exit_code
    if exit_code:
        assert f" {state} (run load_dimensions-{night.cycle}-{state})" in told_lines(done)[0]
    assert len(messages(hook)) == is_told, "nobody else tells of a predecessor that still runs or was stopped"
    assert night.run("load_facts", "--force").exit_code == 0


def test_a_later_run_of_the_predecessor_decides(night: Night) -> None:
    night.was("load_dimensions", "failed", started_at=f"{night.cycle} 20:00:00")
    night.was("load_dimensions", "done", started_at=f"{night.cycle} 20:30:00")
    night.was("load_dimensions", "skipped", started_at=f"{night.cycle} 20:40:00")
    assert night.run("load_facts").exit_code == 0


def test_another_night_does_not_count(night: Night) -> None:
    night.was("load_dimensions", "done", cycle=night.cycle - timedelta(days=1))
    assert night.run("load_facts").exit_code == 75


def test_evening_and_morning_are_one_night(night: Night) -> None:
    day, next_day = night.cycle, night.cycle + timedelta(days=1)
    cycles = {
        at: night.run("status", "--json", NIGHTSHIFT_NOW=at).document["cycle"]
        for at in (
            f"{day}T11:59:59",
            f"{day}T12:00:00",
            f"{day}T19:00:00",
            f"{next_day}T05:00:00",
            f"{next_day}T11:59:50",
        )
    }
    assert list(cycles.values()) == [str(day - timedelta(days=1)), *[str(day)] * 4]


def test_a_job_of_a_named_night_belongs_to_that_night(night: Night) -> None:
    yesterday = night.cycle - timedelta(days=1)
    night.was("build_aggregates", "done", cycle=yesterday)
    assert night.run("verify").exit_code == 75
    done = night.run("verify", "--json", "--date", str(yesterday))
    assert done.exit_code != 75, done.error
    assert done.document["cycle"] == str(yesterday)
    assert [run["state"] for run in night.runs("verify")] == ["skipped"], "tonight's verification is still to come"


def test_a_held_lock_names_its_holder(night: Night, hook: Listener) -> None:
    file = Path(night.environment["STATE_DIR"]) / "locks" / "loads.lock"
    file.parent.mkdir(parents=True)
    with FileLock(file):
        file.write_text('{"job": "load_dimensions", "run_id": "r7", "pid": 42, "host": "here", "since": "20:00"}')
        done = night.run("load_facts", "--json", "--force", **everybody(hook))
    assert done.exit_code == 75
    assert done.error == "lock loads: held by load_dimensions (run r7, pid 42 on here, since 20:00)"
    assert str(file) in done.document["hint"]
    assert [path for path, _, _ in messages(hook)] == ["/WARNING"]
    (run,) = night.runs()
    assert (run["state"], run["exit_code"], run["attempt"], run["error"]) == ("skipped", 75, 0, done.error)
    (planned,) = (line for line in night.run("status").stdout.splitlines() if line.startswith("load_facts"))
    assert "skipped" in planned and planned.endswith(done.error), "status says who was in the way"
    waiting = night.run("refresh_views", **everybody(hook))
    assert (waiting.exit_code, f"load_facts was skipped (run {run['run_id']})" in waiting.stderr) == (75, True)
    assert [path for path, _, _ in messages(hook)] == ["/WARNING", "/CRITICAL"], "that the morning waits is news"
    assert night.load().exit_code == 0, "the lock is free again"
    assert [run["attempt"] for run in night.runs()] == [0, 1]


def test_a_held_lock_is_told_without_a_server_too(night: Night) -> None:
    file = Path(night.environment["STATE_DIR"]) / "locks" / "loads.lock"
    file.parent.mkdir(parents=True)
    with FileLock(file):
        done = night.run("load_facts", "--json", "--force", STARROCKS_PORT="1")
    assert (done.exit_code, done.error) == (75, "lock loads: held by somebody who left no name")
    assert night.runs() == []


def test_of_two_that_start_at_once_one_wins(night: Night) -> None:
    night.drop("fact_first", f"{night.row()},1")
    night.server.faults.publish_delay = 2.0
    try:
        both = [night.start("load_facts", "--force", "--json") for _ in range(2)]
        done = sorted((one.end() for one in both), key=lambda one: one.exit_code)
    finally:
        night.server.faults.publish_delay = 0.0
    assert [one.exit_code for one in done] == [0, 75], [one.stderr for one in done]
    assert f"held by load_facts (run {done[0].document['run_id']}, pid " in done[1].error
    assert sorted((run["state"], run["attempt"]) for run in night.runs()) == [("done", 1), ("skipped", 0)]


def test_a_look_at_the_locks_stops_nobody(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """`./run status` asks all the time; jobs that start meanwhile get their locks."""
    monkeypatch.setenv("STATE_DIR", night.environment["STATE_DIR"])
    assert lock.is_free("loads")
    job = night.start("load_facts", "--force", "--json")
    seen = set()
    while job.process.poll() is None:
        seen.add(lock.is_free("loads"))
    assert job.end().exit_code == 0
    assert seen == {True, False}
    assert lock.is_free("loads")


def test_a_predecessor_that_died_is_marked_and_told_of(night: Night, hook: Listener) -> None:
    dead = night.start("status")
    dead.end()
    night.was("load_dimensions", "running", host=socket.gethostname(), pid=dead.process.pid)
    done = night.run("load_facts", "--json", **everybody(hook))
    assert done.exit_code == 75
    assert "load_dimensions is crashed" in done.error
    assert [run["state"] for run in night.runs("load_dimensions")] == ["crashed"]
    ((path, title, text),) = messages(hook)
    assert path == "/CRITICAL" and title.startswith("load_dimensions crashed: run load_dimensions-")
    assert text == "next: ./run load_dimensions"


def test_a_run_of_another_host_is_left_alone_for_a_day(night: Night) -> None:
    night.was("load_history", "running", host="elsewhere")
    assert night.load().exit_code == 0
    assert [run["state"] for run in night.runs("load_history")] == ["running"]
    night.sql(
        "UPDATE ops_job_run SET started_at = '2025-01-01 00:00:00' WHERE job = 'load_history' AND state = 'running'"
    )
    assert night.load().exit_code == 0
    assert [run["state"] for run in night.runs("load_history")] == ["crashed"]
