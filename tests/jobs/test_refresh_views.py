"""refresh_views: base first, inactive ones activated, a failed one takes only those that stand on it with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

TABLE = """\
-- purpose: paint used
-- owner: me
-- source: files paint/*.csv
-- refresh: incremental, morning
-- key: paint_id

CREATE TABLE IF NOT EXISTS fact_paint (
    paint_id BIGINT NOT NULL COMMENT "Key",
    used_date DATE NOT NULL COMMENT "Day",
    litres DECIMAL(10,2) NOT NULL COMMENT "Litres"
) PRIMARY KEY (paint_id) COMMENT "One row per use" DISTRIBUTED BY HASH (paint_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
HEADER = "-- purpose: a view\n-- owner: me\n"
FILES = {
    "schema/fact_paint.sql": TABLE,
    "views/v_recent.sql": HEADER
    + "\nCREATE OR REPLACE VIEW v_recent AS SELECT used_date, litres FROM mv_z_day WHERE litres > 0;\n",
}


def materialized(name: str, query: str) -> dict[str, str]:
    """A file of views/materialized."""
    text = (
        f"{HEADER}-- refresh: morning\n\nCREATE MATERIALIZED VIEW IF NOT EXISTS {name} DISTRIBUTED BY RANDOM"
        f' REFRESH DEFERRED MANUAL PROPERTIES ("replication_num" = "1") AS {query};\n'
    )
    return {f"views/materialized/{name}.sql": text}


# Sorted by name these would be refreshed in the wrong order: mv_a stands on a view over mv_z_day.
DAY = materialized("mv_z_day", "SELECT used_date, sum(litres) AS litres FROM fact_paint GROUP BY used_date")
TOTAL = materialized("mv_a_total", "SELECT count(*) AS days, sum(litres) AS litres FROM v_recent")
OTHER = materialized("mv_m_count", "SELECT count(*) AS uses FROM fact_paint")


@pytest.fixture
def paint(run_job: Any, sql: Any, warehouse_dir: Callable[[Mapping[str, str]], Path]) -> None:
    """A warehouse with three rows in its fact table."""
    warehouse_dir({**FILES, **DAY, **TOTAL, **OTHER})
    assert run_job("migrate").exit_code == 0
    sql("INSERT INTO fact_paint VALUES (1, '2026-11-01', 2), (2, '2026-11-01', 3), (3, '2026-11-02', 4)")


@pytest.mark.usefixtures("paint")
def test_each_after_those_that_it_stands_on(run_job: Any, sql: Any) -> None:
    done = run_job("refresh_views", "--force")
    assert done.exit_code == 0, done.stderr
    order = [step["step"] for step in done.document["steps"]]
    assert order.index("mv_z_day") < order.index("mv_a_total")
    assert sql("SELECT days, litres FROM mv_a_total") == [{"days": 2, "litres": 9}]
    assert done.step("mv_z_day")["rows"]["loaded"] == 2
    sql("INSERT INTO fact_paint VALUES (4, '2026-11-03', 1)")
    assert run_job("refresh_views", "--force").exit_code == 0
    assert sql("SELECT days, litres FROM mv_a_total") == [{"days": 3, "litres": 10}]


@pytest.mark.usefixtures("paint")
def test_only_one(run_job: Any, sql: Any) -> None:
    done = run_job("refresh_views", "--force", "--only", "mv_m_count")
    assert done.exit_code == 0, done.stderr
    assert [step["step"] for step in done.document["steps"]] == ["mv_m_count"]
    assert sql("SELECT uses FROM mv_m_count") == [{"uses": 3}]
    assert sql("SELECT count(*) AS n FROM mv_z_day") == [{"n": 0}]
    wrong = run_job("refresh_views", "--force", "--only", "mv_m_cuont")
    assert wrong.exit_code == 2
    assert "did you mean mv_m_count?" in wrong.error


@pytest.mark.usefixtures("paint")
def test_a_dry_run_refreshes_nothing(run_job: Any, sql: Any) -> None:
    dry = run_job("refresh_views", "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    assert len([line for line in dry.document["planned"] if line.startswith("REFRESH")]) == 3
    assert sql("SELECT count(*) AS n FROM mv_z_day") == [{"n": 0}]


@pytest.mark.usefixtures("paint")
def test_an_inactive_view_is_activated_and_refreshed(run_job: Any, sql: Any) -> None:
    sql("ALTER MATERIALIZED VIEW mv_z_day INACTIVE")
    done = run_job("refresh_views", "--force")
    assert done.exit_code == 0, done.stderr
    assert sql("SELECT days FROM mv_a_total") == [{"days": 2}]


@pytest.mark.usefixtures("paint")
def test_a_view_that_cannot_be_activated_takes_its_dependents_with_it(run_job: Any, sql: Any) -> None:
    assert run_job("refresh_views", "--force").exit_code == 0
    sql("DROP TABLE fact_paint")
    sql("CREATE TABLE fact_paint (paint_id BIGINT NOT NULL) PRIMARY KEY (paint_id) DISTRIBUTED BY HASH (paint_id)")
    failed = run_job("refresh_views", "--force")
    assert failed.exit_code == 3, failed.stderr
    assert failed.step("mv_z_day")["state"] == "failed"
    assert "inactive" in failed.step("mv_z_day")["error"]
    assert failed.step("mv_a_total")["state"] == "skipped"
    assert "mv_z_day" in failed.step("mv_a_total")["error"]
    assert failed.step("mv_m_count")["state"] == "done"
    steps = sql("SELECT step, state FROM ops_job_step WHERE job = 'refresh_views' AND state <> 'done' ORDER BY step")
    assert steps == [{"step": "mv_a_total", "state": "skipped"}, {"step": "mv_z_day", "state": "failed"}]


def test_a_refresh_that_fails_is_told_and_the_old_rows_stay(
    run_job: Any, sql: Any, warehouse_dir: Callable[[Mapping[str, str]], Path]
) -> None:
    small = "SELECT used_date, litres, assert_true(litres < 100, 'more than a tin') AS is_small FROM fact_paint"
    warehouse_dir({"schema/fact_paint.sql": TABLE, **materialized("mv_small", small), **OTHER})
    assert run_job("migrate").exit_code == 0
    sql("INSERT INTO fact_paint VALUES (1, '2026-11-01', 2)")
    assert run_job("refresh_views", "--force").exit_code == 0
    sql("INSERT INTO fact_paint VALUES (2, '2026-11-01', 200)")
    failed = run_job("refresh_views", "--force")
    assert failed.exit_code == 3
    assert "more than a tin" in failed.step("mv_small")["error"]
    assert sql("SELECT count(*) AS n FROM mv_small") == [{"n": 1}]
    assert sql("SELECT uses FROM mv_m_count") == [{"uses": 2}]


@pytest.mark.usefixtures("paint")
def test_a_refresh_that_is_under_way_is_waited_for(run_job: Any, sql: Any, delay: Any) -> None:
    delay(1)
    sql("REFRESH MATERIALIZED VIEW mv_m_count")
    done = run_job("refresh_views", "--force", "--only", "mv_m_count")
    assert done.exit_code == 0, done.stderr
    runs = sql(
        "SELECT r.STATE, r.CREATE_TIME, r.FINISH_TIME FROM information_schema.task_runs r"
        " JOIN information_schema.materialized_views m ON m.TASK_NAME = r.TASK_NAME"
        " WHERE m.TABLE_SCHEMA = database() AND m.TABLE_NAME = 'mv_m_count' ORDER BY r.CREATE_TIME"
    )
    assert [run["STATE"] in ("SUCCESS", "SKIPPED") for run in runs] == [True, True]
    assert runs[1]["CREATE_TIME"] >= runs[0]["FINISH_TIME"]


@pytest.mark.usefixtures("paint")
def test_a_missing_view_is_told_with_what_to_do(run_job: Any, sql: Any) -> None:
    sql("DROP MATERIALIZED VIEW mv_m_count")
    failed = run_job("refresh_views", "--force", "--only", "mv_m_count")
    assert failed.exit_code == 1
    assert "no such materialized view" in failed.error
    assert failed.document["hint"] == "./run migrate"


@pytest.mark.usefixtures("paint")
def test_a_lost_answer_is_survived(run_job: Any, sql: Any, losing: Any) -> None:
    done = run_job("refresh_views", "--force", env=losing("REFRESH MATERIALIZED VIEW `mv_z_day`"))
    assert done.exit_code == 0, done.stderr
    assert sql("SELECT days FROM mv_a_total") == [{"days": 2}]


@pytest.mark.usefixtures("paint")
def test_not_before_the_facts(run_job: Any) -> None:
    skipped = run_job("refresh_views")
    assert skipped.exit_code == 75
    assert "load_facts" in skipped.error
