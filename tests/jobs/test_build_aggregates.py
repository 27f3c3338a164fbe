"""build_aggregates: a window is replaced as a whole, days outside it stay, and CRITICAL checks speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import aggregates

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
DAYS = """\
-- purpose: litres a day
-- owner: me
-- window: 3 days
-- check: CRITICAL unique(used_date)
-- check: CRITICAL between(litres, 0, 1000)
-- check: WARNING between(litres, 0, 1)

CREATE TABLE IF NOT EXISTS agg_paint (
    used_date DATE NOT NULL COMMENT "Day",
    litres DECIMAL(38,2) NOT NULL COMMENT "Litres",
    month_text VARCHAR(10) NOT NULL COMMENT "Year and month"
) PRIMARY KEY (used_date) COMMENT "One row per day" PARTITION BY date_trunc('day', used_date)
DISTRIBUTED BY HASH (used_date) BUCKETS 1 PROPERTIES ("replication_num" = "1");

INSERT /*+ SET_VAR(dynamic_overwrite = true) */ OVERWRITE agg_paint
SELECT used_date, sum(litres), date_format(used_date, '%Y-%m')
FROM fact_paint WHERE used_date >= %(since)s AND used_date < %(until)s GROUP BY used_date;
"""
NIGHT = {"NIGHTSHIFT_NOW": "2026-11-11T06:00:00"}
WINDOW = "SELECT used_date, litres, month_text FROM agg_paint ORDER BY used_date"


@pytest.fixture
def paint(run_job: Any, sql: Any, warehouse_dir: Callable[[Mapping[str, str]], Path]) -> None:
    """Uses from the 6th to the 11th; the night is that of the 10th, so its window is the 8th to the 10th."""
    warehouse_dir({"schema/fact_paint.sql": TABLE, "aggregates/agg_paint.sql": DAYS})
    assert run_job("migrate", env=NIGHT).exit_code == 0
    sql("INSERT INTO fact_paint VALUES " + ", ".join(f"({day}, '2026-11-{day:02}', {day})" for day in range(6, 12)))


def days(sql: Any) -> dict[int, int]:
    """Day of the month -> litres, as they are in the aggregate."""
    return {row["used_date"].day: int(row["litres"]) for row in sql(WINDOW)}


@pytest.mark.usefixtures("paint")
def test_the_window_ends_with_the_day_of_the_night(run_job: Any, sql: Any) -> None:
    done = run_job("build_aggregates", "--force", env=NIGHT)
    assert done.exit_code == 0, done.stderr
    assert days(sql) == {8: 8, 9: 9, 10: 10}
    assert sql(WINDOW)[0]["month_text"] == "2026-11"
    assert done.step("agg_paint")["rows"]["loaded"] == 3


@pytest.mark.usefixtures("paint")
def test_a_rerun_replaces_and_other_days_stay(run_job: Any, sql: Any) -> None:
    assert (
        run_job("build_aggregates", "--force", "--since", "2026-11-06", "--until", "2026-11-08", env=NIGHT).exit_code
        == 0
    )
    assert days(sql) == {6: 6, 7: 7}
    assert run_job("build_aggregates", "--force", env=NIGHT).exit_code == 0
    assert days(sql) == {6: 6, 7: 7, 8: 8, 9: 9, 10: 10}
    sql("INSERT INTO fact_paint VALUES (100, '2026-11-10', 5), (101, '2026-11-06', 5)")
    for _ in range(2):
        assert run_job("build_aggregates", "--force", env=NIGHT).exit_code == 0
        assert days(sql) == {6: 6, 7: 7, 8: 8, 9: 9, 10: 15}


@pytest.mark.usefixtures("paint")
def test_a_critical_check_speaks(run_job: Any, sql: Any) -> None:
    sql("INSERT INTO fact_paint VALUES (100, '2026-11-10', 5000)")
    critical = run_job("build_aggregates", "--force", env=NIGHT)
    assert critical.exit_code == 65
    assert "between(litres, 0, 1000)" in critical.error
    assert "1 of 3 rows" in critical.error


@pytest.mark.usefixtures("paint")
def test_a_dry_run_writes_nothing(run_job: Any, sql: Any) -> None:
    dry = run_job("build_aggregates", "--dry-run", env=NIGHT)
    assert dry.exit_code == 0, dry.stderr
    assert any("OVERWRITE agg_paint" in line for line in dry.document["planned"])
    assert days(sql) == {}


@pytest.mark.usefixtures("paint")
def test_a_missing_table_is_created(run_job: Any, sql: Any) -> None:
    sql("DROP TABLE agg_paint")
    assert run_job("build_aggregates", "--force", env=NIGHT).exit_code == 0
    assert days(sql) == {8: 8, 9: 9, 10: 10}


@pytest.mark.usefixtures("paint")
def test_an_empty_window_is_told_and_replaces_nothing(run_job: Any, sql: Any) -> None:
    assert run_job("build_aggregates", "--force", env=NIGHT).exit_code == 0
    empty = run_job("build_aggregates", "--force", "--since", "2025-01-01", "--until", "2025-02-01", env=NIGHT)
    assert empty.exit_code == 0
    assert any("WARNING agg_paint: no row" in note for note in empty.document["notes"])
    assert days(sql) == {8: 8, 9: 9, 10: 10}


@pytest.mark.usefixtures("paint")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--since", "2026-11-10", "--until", "2026-11-10"), "no business day lies between"),
        (("--since", "yesterday"), "is not a date"),
        (("--only", "agg_pain"), "did you mean agg_paint?"),
    ],
)
def test_a_wrong_command_line_is_told(run_job: Any, arguments: tuple[str, ...], told: str) -> None:
    wrong = run_job("build_aggregates", "--force", *arguments, env=NIGHT)
    assert wrong.exit_code == 2
    assert told in wrong.error


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("%(until)s", "'2026-11-01'", "does not use %(until)s"),
        ("%(until)s", "%(untill)s", "%(untill)s is bound by nobody; allowed: %(since)s, %(until)s"),
        ("OVERWRITE agg_paint", "OVERWRITE agg_pain", "INSERT ... OVERWRITE agg_paint"),
        ("3 days", "3 fortnights", "expected a length of time"),
    ],
)
def test_a_wrong_file_is_told(
    run_job: Any, warehouse_dir: Callable[[Mapping[str, str]], Path], old: str, new: str, told: str
) -> None:
    warehouse_dir({"schema/fact_paint.sql": TABLE, "aggregates/agg_paint.sql": DAYS.replace(old, new)})
    refused = run_job("migrate")
    assert refused.exit_code == 78
    assert "agg_paint.sql" in refused.error
    assert told in refused.error


@given(st.lists(st.sampled_from(["%(since)s", "%(until)s", "%", "%s", "%Y", "a", "%%", "("]), max_size=12))
def test_bound_values_are_all_that_changes(parts: list[str]) -> None:
    begin, end = date(2026, 11, 1), date(2026, 11, 4)
    values = {"%(since)s": begin, "%(until)s": end}
    text = " ".join(parts)
    statement, bound = aggregates.bind(text, {"since": begin, "until": end})
    expected = text.replace("%(since)s", str(begin)).replace("%(until)s", str(end))
    assert bound == [values[part] for part in parts if part in values]
    assert statement % tuple(bound) == expected
