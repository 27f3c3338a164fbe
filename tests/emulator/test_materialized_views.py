"""Materialized views: creation, refresh, task runs, inactive ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from emulator.server import Server
from tests.emulator.loading import Client, client, wait_for

DAILY = "create materialized view daily partition by d distributed by hash(d) refresh deferred manual as"
DAILY_QUERY = "select d, sum(n) as total, count(*) as c from t group by d"


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop database dw force")
        found.sql("create database dw")
        found.sql("use dw")
        found.sql(
            "create table t (d date, id bigint, n decimal(10, 2)) duplicate key (d, id) partition by"
            " date_trunc('day', d)"
            " distributed by hash(id)"
        )
        found.csv("t", "2026-01-01,1,1.5\n2026-01-02,2,2.5\n2026-01-01,3,3\n")
        yield found


def rows(dw: Client, text: str) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in dw.sql(text)]


def view(dw: Client, name: str) -> dict[str, Any]:
    return dw.named(f"select * from information_schema.materialized_views where table_name = '{name}'")[0]


def states(dw: Client) -> list[str]:
    return [row[0] for row in dw.sql("select state from information_schema.task_runs order by create_time, query_id")]


def refused(dw: Client, text: str) -> str:
    with pytest.raises(pymysql.MySQLError) as caught:
        dw.sql(text)
    return f"{caught.value.args[0]} {caught.value.args[1]}".replace("Getting analyzing error. Detail message: ", "")


def test_a_view_is_empty_until_it_is_refreshed(dw: Client) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    assert dw.sql("select * from daily") == []
    answer = dw.named("refresh materialized view daily with sync mode")
    assert list(answer[0]) == ["QUERY_ID"]
    assert rows(dw, "select * from daily order by d") == [("2026-01-01", "4.50", "2"), ("2026-01-02", "2.50", "1")]
    run = dw.named("select * from information_schema.task_runs")[-1]
    assert (run["QUERY_ID"], run["STATE"], run["PROGRESS"], run["DATABASE"]) == (
        answer[0]["QUERY_ID"],
        "SUCCESS",
        "100%",
        "dw",
    )
    assert json.loads(run["EXTRA_MESSAGE"])["mvPartitionsToRefresh"] == ["p20260101", "p20260102"]
    found = view(dw, "daily")
    assert (found["REFRESH_TYPE"], found["IS_ACTIVE"], found["INACTIVE_REASON"], found["TABLE_ROWS"]) == (
        "MANUAL",
        "true",
        "",
        2,
    )
    assert (found["LAST_REFRESH_STATE"], found["TASK_NAME"]) == ("SUCCESS", run["TASK_NAME"])
    assert ("daily", "VIEW") in dw.sql("show full tables")


def test_what_did_not_change_is_skipped_unless_forced(dw: Client) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    seen = []
    for force in ("", "", "force", ""):
        dw.sql(f"refresh materialized view daily {force} with sync mode")
        seen.append(view(dw, "daily")["LAST_REFRESH_STATE"])
    assert seen == ["SUCCESS", "SKIPPED", "SUCCESS", "SKIPPED"]
    dw.csv("t", "2026-01-03,9,1\n")
    dw.sql("refresh materialized view daily with sync mode")
    assert dw.sql("select count(*) from daily") == [(3,)]


@pytest.mark.parametrize(
    ("properties", "runs"),
    [
        ("", [["p20260101"], ["p20260102"], ["p20260103"]]),
        ('properties ("partition_refresh_number" = "2")', [["p20260101", "p20260102"], ["p20260103"]]),
        ('properties ("partition_refresh_number" = "-1")', [["p20260101", "p20260102", "p20260103"]]),
    ],
)
def test_runs_of_one_job_follow_each_other_through_the_partitions(
    dw: Client, properties: str, runs: list[list[str]]
) -> None:
    dw.sql(f"{DAILY.replace('deferred manual as', f'deferred manual {properties} as')} {DAILY_QUERY}")
    dw.csv("t", "2026-01-03,9,1\n")
    dw.sql("refresh materialized view daily")
    query = f"select * from information_schema.task_runs where task_name = '{view(dw, 'daily')['TASK_NAME']}'"

    def ended(count: int) -> list[dict[str, Any]]:
        found = wait_for(
            lambda: dw.named(f"{query} order by create_time"),
            lambda rows: len(rows) == count and {row["STATE"] for row in rows} == {"SUCCESS"},
        )
        return list(found)

    found = ended(len(runs))
    told = [json.loads(row["EXTRA_MESSAGE"]) for row in found]
    assert [each["mvPartitionsToRefresh"] for each in told] == runs
    assert len({row["JOB_ID"] for row in found}) == 1
    assert [bool(each["nextPartitionStart"]) for each in told] == [True] * (len(runs) - 1) + [False]
    assert dw.sql("select count(*) from daily") == [(3,)]
    dw.sql("delete from t where d = '2026-01-02'")
    dw.sql("refresh materialized view daily")
    ended(2 * len(runs))
    assert rows(dw, "select d from daily order by d") == [("2026-01-01",), ("2026-01-03",)]


def test_only_a_range_of_partitions(dw: Client) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    dw.sql("refresh materialized view daily with sync mode")
    dw.csv("t", "2026-01-01,7,1\n2026-01-02,8,1\n")
    dw.sql("refresh materialized view daily partition start ('2026-01-02') end ('2026-01-03') with sync mode")
    assert rows(dw, "select d, c from daily order by d") == [("2026-01-01", "2"), ("2026-01-02", "2")]
    dw.sql("create materialized view whole refresh deferred manual as select count(*) as c from t")
    message = refused(dw, "refresh materialized view whole partition start ('2026-01-02') end ('2026-01-03')")
    assert message == "1064 Not support refresh by partition for single partition mv."


def test_a_view_on_a_view_is_refreshed_by_itself(dw: Client) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    dw.sql("create materialized view monthly refresh deferred manual as"
           " select date_trunc('month', d) as m, sum(total) as total from daily group by date_trunc('month',"
           " d)")  # fmt: skip
    dw.sql("refresh materialized view monthly with sync mode")
    assert dw.sql("select * from monthly") == []
    dw.sql("refresh materialized view daily with sync mode")
    dw.sql("refresh materialized view monthly with sync mode")
    assert rows(dw, "select * from monthly") == [("2026-01-01", "7.00")]


def test_asynchronous_refresh_is_seen_running_first(tmp_path: Path) -> None:
    with Server(data=tmp_path, async_delay_ms=300) as server, client(server) as dw:
        dw.sql("create table t (id int) duplicate key (id) distributed by hash(id)")
        dw.csv("t", "1\n")
        dw.sql("create materialized view mv refresh deferred manual as select id from t")
        dw.sql("refresh materialized view mv with async mode")
        seen: list[str] = []
        while not seen or seen[-1] not in ("SUCCESS", "FAILED"):
            seen += [state for state in states(dw) if state not in seen]
        assert seen == ["PENDING", "RUNNING", "SUCCESS"]
        assert dw.sql("select * from mv") == [(1,)]


def test_immediate_and_async_views_refresh_by_themselves(dw: Client) -> None:
    dw.sql("create materialized view at_once distributed by random as select id from t")
    dw.sql("create materialized view kept refresh async as select id from t")
    for name in ("at_once", "kept"):
        assert wait_for(lambda name=name: dw.sql(f"select count(*) from {name}"), lambda found: found == [(3,)]) == [
            (3,)
        ]  # type: ignore[misc]
    dw.csv("t", "2026-01-03,9,1\n")
    assert wait_for(lambda: dw.sql("select count(*) from kept"), lambda found: found == [(4,)]) == [(4,)]
    assert dw.sql("select count(*) from at_once") == [(3,)]
    dw.sql("alter materialized view kept refresh deferred manual")


def test_a_failing_refresh_is_told_and_recorded(dw: Client) -> None:
    dw.sql("create materialized view mv refresh deferred manual as select id, n from t")
    dw.sql("refresh materialized view mv with sync mode")
    dw.sql("alter materialized view mv inactive")
    found = view(dw, "mv")
    assert (found["IS_ACTIVE"], found["INACTIVE_REASON"]) == (
        "false",
        "user use alter materialized view set status to inactive",
    )
    assert refused(dw, "refresh materialized view mv with sync mode").startswith(
        "1064 Refresh materialized view failed because [mv] is not active. You can try to active it with ALTER"
        " MATERIALIZED VIEW mv ACTIVE"
    )
    dw.sql("alter materialized view mv active")
    dw.sql("refresh materialized view mv with sync mode")
    assert dw.sql("select count(*) from mv") == [(3,)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("drop table t force", "base-table dropped: t"),
        ("alter table t rename u", "base-table renamed: t"),
        ("alter table t swap with other", "base-table swapped: t"),
    ],
)
def test_ddl_on_a_base_makes_everything_above_inactive(dw: Client, change: str, reason: str) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    dw.sql("create materialized view top refresh deferred manual as select sum(total) as s from daily")
    dw.sql("create table other like t")
    dw.sql(change)
    assert (view(dw, "daily")["IS_ACTIVE"], view(dw, "daily")["INACTIVE_REASON"]) == ("false", reason)
    assert (view(dw, "top")["IS_ACTIVE"], view(dw, "top")["INACTIVE_REASON"]) == ("false", "base-mv inactive: daily")


def test_a_dropped_base_that_comes_back_can_be_activated(dw: Client) -> None:
    dw.sql("create materialized view mv refresh deferred manual as select id from t")
    dw.sql("drop table t force")
    assert "Can not active materialized view [mv] because analyze" in refused(dw, "alter materialized view mv active")
    dw.sql("create table t (d date, id bigint, n int) duplicate key (d, id) distributed by hash(id)")
    dw.sql("alter materialized view mv active")
    dw.csv("t", "2026-01-01,5,1\n")
    dw.sql("refresh materialized view mv with sync mode")
    assert dw.sql("select * from mv") == [(5,)]


def test_only_a_change_of_a_mentioned_column_matters(dw: Client) -> None:
    dw.sql("create materialized view mv refresh deferred manual as select id from t")
    dw.sql("alter table t add column extra int")
    dw.sql("alter table t drop column n")
    wait_for(lambda: dw.named("show alter table column"), lambda jobs: all(job["State"] == "FINISHED" for job in jobs))
    assert view(dw, "mv")["IS_ACTIVE"] == "true"
    dw.sql("alter table t rename column id to key_id")
    found = view(dw, "mv")
    assert (found["IS_ACTIVE"], found["INACTIVE_REASON"]) == ("false", "base table schema changed for columns: id")


def test_views_below_are_seen_through(dw: Client) -> None:
    dw.sql("create view v as select id, n from t")
    dw.sql("create materialized view mv refresh deferred manual as select count(*) as c from v")
    dw.sql("refresh materialized view mv with sync mode")
    dw.csv("t", "2026-01-09,9,9\n")
    dw.sql("refresh materialized view mv with sync mode")
    assert dw.sql("select * from mv") == [(4,)]
    dw.sql("create or replace view v as select id from t")
    assert view(dw, "mv")["INACTIVE_REASON"] == "base-view changed: v"


def test_swap_rename_and_drop(dw: Client) -> None:
    for name, value in (("one", 1), ("two", 2)):
        dw.sql(f"create materialized view {name} refresh deferred manual as select {value} as v from t limit 1")
        dw.sql(f"refresh materialized view {name} with sync mode")
    dw.sql("alter materialized view one swap with two")
    assert (dw.sql("select v from one"), dw.sql("select v from two")) == ([(2,)], [(1,)])
    dw.sql("refresh materialized view one force with sync mode")
    assert dw.sql("select v from one") == [(2,)]
    assert (
        refused(dw, "alter materialized view one swap with t")
        == "1064 Materialized view can only SWAP WITH materialized view"
    )
    dw.sql("alter materialized view one rename three")
    assert dw.sql("select v from three") == [(2,)]
    dw.sql("drop materialized view three")
    assert refused(dw, "drop materialized view three") == "1064 Materialized view three is not found."
    assert dw.sql("drop materialized view if exists three") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "create materialized view x refresh manual as select uuid() as u from t",
            "1064 UUID() not supported nondeterministic function.",
        ),
        ("create materialized view x refresh manual as select a from nothing", "5502 Unknown table 'dw.nothing'."),
        (
            "create materialized view x refresh manual as select 1 as a",
            "1064 Can not find base table in query statement.",
        ),
        ("create materialized view t refresh manual as select id from t", "1050 Table 't' already exists."),
        (
            "create materialized view x as select id from t",
            "1235 CREATE MATERIALIZED VIEW without REFRESH and DISTRIBUTED BY (a synchronous one)"
            " is not supported by the embedded StarRocks server",
        ),
        (
            "create materialized view x refresh incremental as select id from t",
            "1064 Legacy incremental materialized view maintenance is no longer supported.",
        ),
        ("refresh materialized view nothing", "1064 Can not find materialized view:nothing."),
        ("refresh materialized view t", "1064 Can not refresh non materialized view:t."),
        ("create materialized view x refresh manual as select id, id from t", "1060 Duplicate column name 'id'."),
    ],
)
def test_refusals(dw: Client, text: str, message: str) -> None:
    assert refused(dw, text) == message


def test_a_view_cannot_be_written(dw: Client) -> None:
    dw.sql("create materialized view mv refresh deferred manual as select id from t")
    assert "because 'mv' is a materialized view" in refused(dw, "insert into mv values (1)")


def test_show(dw: Client) -> None:
    dw.sql(f"{DAILY} {DAILY_QUERY}")
    shown = dw.named("show materialized views from dw like 'dai%'")[0]
    assert (shown["name"], shown["refresh_type"], shown["is_active"]) == ("daily", "MANUAL", "true")
    assert dw.named("show materialized views where name = 'x'") == []
    text = dw.sql("show create materialized view daily")[0][1]
    assert text.startswith("CREATE MATERIALIZED VIEW `daily` (`d`, `total`, `c`)\nPARTITION BY (d)\n")
    dw.sql("drop materialized view daily")
    dw.sql(text)
    assert view(dw, "daily")["IS_ACTIVE"] == "true"
    tasks = dw.named("select * from information_schema.tasks where task_name = 'mv-0'")
    assert tasks == []
