"""Tasks: what SUBMIT TASK runs, as whom, and what is seen of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.server import Server
from tests.emulator.loading import Client, client, wait_for

ENDED = ("SUCCESS", "FAILED")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(data=tmp_path / "data", async_delay_ms=0) as running:
        yield running


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("create table t (k int not null) primary key (k) distributed by hash (k)")
        yield found


def runs(dw: Client, name: str) -> list[tuple[str, str]]:
    """State and error of a task's runs, when the last one has ended."""
    query = f"select state, error_message from information_schema.task_runs where task_name = '{name}'"
    return wait_for(lambda: dw.sql(query), lambda rows: bool(rows) and rows[-1][0] in ENDED)  # type: ignore[return-value]


def test_a_task_runs_once_and_is_told(dw: Client) -> None:
    dw.sql("submit task fill as insert into t values (1), (2)")
    assert runs(dw, "fill") == [("SUCCESS", "")]
    assert dw.sql("select count(*) from t") == [(2,)]
    progress = "select progress, `database`, definition from information_schema.task_runs where task_name = 'fill'"
    assert dw.sql(progress) == [("100%", "dw", "insert into t values (1), (2)")]


def test_a_run_waits_as_soon_as_the_task_is_submitted(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=300) as server, client(server) as dw:
        dw.sql("submit task made as create table made as select 1 as k")
        states = "select state from information_schema.task_runs where task_name = 'made'"
        assert dw.sql(states) == [("PENDING",)]
        assert runs(dw, "made") == [("SUCCESS", "")]
        assert dw.sql("select * from made") == [(1,)]


def test_a_run_that_fails_says_why(dw: Client) -> None:
    dw.sql("submit task bad as insert into t select * from nothing")
    ((state, message),) = runs(dw, "bad")
    assert state == "FAILED" and "Unknown table" in message


def test_dropping_a_task_ends_what_it_runs(dw: Client) -> None:
    dw.sql("create table long_one (k bigint) duplicate key (k)")
    dw.sql(
        "submit task slow as insert into long_one select a.k * b.k from"
        " (select generate_series as k from TABLE(generate_series(1, 200000))) a,"
        " (select generate_series as k from TABLE(generate_series(1, 200000))) b"
    )
    states = "select state from information_schema.task_runs where task_name = 'slow'"
    wait_for(lambda: dw.sql(states), lambda rows: rows == [("RUNNING",)])
    dw.sql("drop task slow")
    ((state, message),) = runs(dw, "slow")
    assert (state, "dropped" in message) == ("FAILED", True)
    assert dw.sql("select count(*) from long_one") == [(0,)]


def test_properties_are_variables_of_its_session(dw: Client) -> None:
    dw.sql("create table seconds (n int) duplicate key (n)")
    dw.sql('submit task told properties ("session.query_timeout" = "77") as insert into seconds select @@query_timeout')
    assert runs(dw, "told") == [("SUCCESS", "")]
    assert dw.sql("select n from seconds") == [(77,)]


def test_a_schedule_goes_on_after_a_start(tmp_path: Path) -> None:
    with Server(data=tmp_path / "data", async_delay_ms=0) as server, client(server) as dw:
        dw.sql("create table t (k int not null) primary key (k) distributed by hash (k)")
        dw.sql("submit task often schedule every(interval 10 second) as insert into t values (1)")
    with Server(data=tmp_path / "data", async_delay_ms=0) as server, client(server) as dw:
        schedule = "select `schedule` like 'PERIODICAL START(%) EVERY(10 SECONDS)' from information_schema.tasks"
        assert dw.sql(schedule) == [(1,)]
        assert runs(dw, "often")[0] == ("SUCCESS", "")
