"""migrate: what the files declare exists afterwards, a second run changes nothing, and a failure can be run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[Mapping[str, str]], Path]

COLOUR = """\
-- purpose: colours
-- owner: me
-- source: reference-data/dim_colour.csv
-- refresh: full, evening
-- key: colour_id
-- scd: 1

CREATE TABLE IF NOT EXISTS dim_colour (
    colour_id INT NOT NULL COMMENT "Key",
    label VARCHAR(20) NULL COMMENT "Name; with a semicolon"
) PRIMARY KEY (colour_id) COMMENT "One row per colour" DISTRIBUTED BY HASH (colour_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
PAINT = """\
-- purpose: paint used
-- owner: me
-- source: files paint/*.csv
-- refresh: incremental, morning
-- key: paint_id

CREATE TABLE IF NOT EXISTS fact_paint (
    paint_id BIGINT NOT NULL COMMENT "Key",
    colour_id INT NOT NULL COMMENT "Colour",
    litres DECIMAL(10,2) NOT NULL COMMENT "Litres"
) PRIMARY KEY (paint_id) COMMENT "One row per use" DISTRIBUTED BY HASH (paint_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
PAINT_VIEW = """\
-- purpose: paint with the names of colours
-- owner: me

CREATE OR REPLACE VIEW v_paint AS
SELECT p.paint_id, p.litres, c.label FROM fact_paint p LEFT JOIN dim_colour c ON c.colour_id = p.colour_id;
"""
PAINT_SUMS = """\
-- purpose: litres by colour
-- owner: me
-- refresh: morning

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_paint DISTRIBUTED BY HASH (colour_id) BUCKETS 1
REFRESH DEFERRED MANUAL PROPERTIES ("replication_num" = "1")
AS SELECT colour_id, sum(litres) AS litres FROM fact_paint GROUP BY colour_id;
"""
POLICY = """\
-- purpose: only named colours
-- owner: me
-- protects: fact_paint
-- view: v_paint_named
-- mapping: dim_colour

CREATE OR REPLACE VIEW v_paint_named SECURITY NONE AS SELECT paint_id FROM v_paint WHERE label IS NOT NULL;
"""
FILES = {
    "schema/dim_colour.sql": COLOUR,
    "schema/fact_paint.sql": PAINT,
    "views/v_paint.sql": PAINT_VIEW,
    "views/materialized/mv_paint.sql": PAINT_SUMS,
    "rls-policies/named.sql": POLICY,
}


def migration(statements: str, column: str, table: str = "dim_colour") -> str:
    """A migration that is done once the table has the column."""
    return (
        "-- purpose: a step\n-- owner: me\n"
        "-- done-when: SELECT 1 FROM information_schema.columns WHERE table_schema = database()"
        f" AND table_name = '{table}' AND column_name = '{column}'\n\n{statements}\n"
    )


def with_column(text: str, line: str) -> str:
    """A table file with one more column at the end."""
    return text.replace("\n) PRIMARY KEY", f",\n    {line}\n) PRIMARY KEY")


ADD_SHADE = 'ALTER TABLE dim_colour ADD COLUMN shade VARCHAR(20) NULL COMMENT "Shade";'


def columns(sql: Any, table: str) -> list[str]:
    """The columns of a table in their order."""
    return [row["Field"] for row in sql(f"SHOW COLUMNS FROM {table}")]


def test_an_empty_server_gets_everything(run_job: Any, sql: Any, warehouse_dir: Write) -> None:
    warehouse_dir(FILES)
    done = run_job("migrate")
    assert done.exit_code == 0, done.stderr
    names = {next(iter(row.values())) for row in sql("SHOW TABLES")}
    assert {"dim_colour", "fact_paint", "v_paint", "v_paint_named", "ops_job_run", "ops_view"} <= names
    assert columns(sql, "fact_paint") == ["paint_id", "colour_id", "litres"]
    views = sql(
        "SELECT TABLE_NAME, IS_ACTIVE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = database()"
    )
    assert views == [{"TABLE_NAME": "mv_paint", "IS_ACTIVE": "true"}]
    assert sql("SELECT job, state, exit_code FROM ops_job_run") == [{"job": "migrate", "state": "done", "exit_code": 0}]


def test_a_second_run_changes_nothing(run_job: Any, sql: Any, warehouse_dir: Write) -> None:
    warehouse_dir({**FILES, "schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade")})
    warehouse_dir({"schema/dim_colour.sql": with_column(COLOUR, 'shade VARCHAR(20) NULL COMMENT "Shade"')})
    assert run_job("migrate").exit_code == 0
    before = sql("SELECT * FROM ops_view ORDER BY name"), sql("SELECT * FROM ops_migration")
    again = run_job("migrate")
    assert again.exit_code == 0, again.stderr
    assert again.document["notes"] == []
    assert (sql("SELECT * FROM ops_view ORDER BY name"), sql("SELECT * FROM ops_migration")) == before
    # The table was created with the column: the step was not needed, and that is written down.
    assert [row["was_needed"] for row in before[1]] == [0]


def test_a_ledger_of_an_older_version_gets_its_new_columns(
    run_job: Any, sql: Any, delay: Any, warehouse_dir: Write
) -> None:
    warehouse_dir({"schema/dim_colour.sql": COLOUR})
    assert run_job("migrate").exit_code == 0
    sql("ALTER TABLE ops_job_run DROP COLUMN rows_standing")
    sql("DROP TABLE ops_watermark")
    refused = run_job("load_dimensions", "--force")
    assert refused.exit_code == 1
    assert refused.document["hint"] == "the ledger is of an older version: ./run migrate"
    delay(0.3)
    assert run_job("migrate").exit_code == 0
    sql("SELECT * FROM ops_watermark")
    runs = sql("SELECT job, state, rows_standing FROM ops_job_run ORDER BY started_at")
    assert [tuple(row.values()) for row in runs] == [("migrate", "done", 0), ("migrate", "done", 0)]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    run_job: Any, sql: Any, warehouse_dir: Write, database: str
) -> None:
    warehouse_dir(FILES)
    dry = run_job("migrate", "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    planned = " | ".join(dry.document["planned"])
    for name in ("CREATE DATABASE", "dim_colour", "fact_paint", "v_paint", "mv_paint", "v_paint_named"):
        assert name in planned
    assert database not in {next(iter(row.values())) for row in sql("SHOW DATABASES")}
    assert run_job("migrate").exit_code == 0
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade")})
    dry = run_job("migrate", "--dry-run")
    assert [line for line in dry.document["planned"] if line.startswith("ALTER")] == [ADD_SHADE.rstrip(";")]
    assert columns(sql, "dim_colour") == ["colour_id", "label"]
    assert sql("SELECT count(*) AS n FROM ops_migration") == [{"n": 0}]


def test_a_migration_is_waited_for_and_done_once(run_job: Any, sql: Any, delay: Any, warehouse_dir: Write) -> None:
    delay(0.5)
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    both = ADD_SHADE + "\nALTER TABLE dim_colour ADD COLUMN gloss INT NULL COMMENT 'Gloss; 0 to 100';"
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(both, "gloss")})
    done = run_job("migrate")
    assert done.exit_code == 0, done.stderr
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade", "gloss"]
    jobs = sql("SHOW ALTER TABLE COLUMN")
    assert [row["State"] for row in jobs] == ["FINISHED", "FINISHED"]
    assert sql("SELECT name, was_needed FROM ops_migration") == [{"name": "0001_shade", "was_needed": 1}]
    assert run_job("migrate").exit_code == 0
    assert len(sql("SHOW ALTER TABLE COLUMN")) == len(jobs)


def test_a_migration_cut_off_in_the_middle_goes_on(run_job: Any, sql: Any, warehouse_dir: Write) -> None:
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    broken = ADD_SHADE + "\nALTER TABLE dim_colour ADD COLUMN gloss NO_SUCH_TYPE NULL;"
    warehouse_dir(
        {
            "schema/migrations/0001_shade.sql": migration(broken, "gloss"),
            "schema/migrations/0002_later.sql": migration(
                "ALTER TABLE fact_paint ADD COLUMN x INT;", "x", "fact_paint"
            ),
        }
    )
    failed = run_job("migrate")
    assert failed.exit_code == 1
    assert "NO_SUCH_TYPE" in failed.error
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade"]
    assert sql("SELECT count(*) AS n FROM ops_migration") == [{"n": 0}]
    assert columns(sql, "fact_paint") == ["paint_id", "colour_id", "litres"], (
        "a later step must wait for the earlier one"
    )
    mended = broken.replace("NO_SUCH_TYPE", "INT")
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(mended, "gloss")})
    done = run_job("migrate")
    assert done.exit_code == 0, done.stderr
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade", "gloss"]
    assert [row["name"] for row in sql("SELECT name FROM ops_migration ORDER BY name")] == ["0001_shade", "0002_later"]


def test_a_step_whose_proof_never_holds_is_told(run_job: Any, sql: Any, warehouse_dir: Write) -> None:
    warehouse_dir({**FILES, "schema/migrations/0001_shade.sql": migration(ADD_SHADE, "no_such_column")})
    failed = run_job("migrate")
    assert failed.exit_code == 1
    assert "done-when returns no row" in failed.error
    assert sql("SELECT count(*) AS n FROM ops_migration") == [{"n": 0}]


def test_a_changed_migration_is_told_and_not_done_again(run_job: Any, sql: Any, warehouse_dir: Write) -> None:
    shade = {"schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade")}
    warehouse_dir({**FILES, **shade})
    assert run_job("migrate").exit_code == 0
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE + "-- later words", "shade")})
    told = run_job("migrate")
    assert told.exit_code == 0
    assert any("WARNING" in note and "0001_shade.sql: changed since" in note for note in told.document["notes"])
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE.replace("shade", "tone"), "tone")})
    failed = run_job("migrate")
    assert failed.exit_code == 1
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (with_column(COLOUR, 'shade VARCHAR(20) NULL COMMENT "Shade"'), "column shade is missing"),
        (COLOUR.replace("VARCHAR(20)", "VARCHAR(30)"), "column label is varchar(20), the file says varchar(30)"),
        (COLOUR.replace("VARCHAR(20) NULL", "VARCHAR(20) NOT NULL"), "column label is NULL, the file says NOT NULL"),
    ],
)
def test_drift_is_told(run_job: Any, warehouse_dir: Write, changed: str, told: str) -> None:
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    warehouse_dir({"schema/dim_colour.sql": changed})
    drifted = run_job("migrate")
    assert drifted.exit_code == 3
    step = drifted.step("dim_colour columns")
    assert step["state"] == "failed"
    assert "schema drift" in step["error"]
    assert told in step["error"]
    assert "schema/migrations/" in drifted.document["hint"]
    assert drifted.step("fact_paint columns")["state"] == "done"


def test_a_changed_view_is_created_again_and_what_stands_on_it_works(
    run_job: Any, sql: Any, warehouse_dir: Write
) -> None:
    on_view = (
        PAINT_SUMS.replace("mv_paint", "mv_over_view").replace("fact_paint", "v_paint").replace("colour_id", "label")
    )
    warehouse_dir({**FILES, "views/materialized/mv_over_view.sql": on_view})
    assert run_job("migrate").exit_code == 0
    sql("INSERT INTO dim_colour VALUES (1, 'red')")
    sql("INSERT INTO fact_paint VALUES (1, 1, 2.5)")
    warehouse_dir({"views/v_paint.sql": PAINT_VIEW.replace("p.litres,", "p.litres * 2 AS litres,")})
    changed = run_job("migrate")
    assert changed.exit_code == 0, changed.stderr
    assert changed.document["changed"] == ["v_paint"]
    assert [float(row["litres"]) for row in sql("SELECT litres FROM v_paint")] == [5.0]
    states = sql("SELECT IS_ACTIVE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = database()")
    assert [row["IS_ACTIVE"] for row in states] == ["true", "true"]


def test_a_changed_materialized_view_is_exchanged_when_it_is_filled(
    run_job: Any, sql: Any, warehouse_dir: Write
) -> None:
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    sql("INSERT INTO fact_paint VALUES (1, 1, 2.5), (2, 1, 1.5)")
    warehouse_dir({"views/materialized/mv_paint.sql": PAINT_SUMS.replace("sum(litres) AS litres", "count(*) AS uses")})
    changed = run_job("migrate")
    assert changed.exit_code == 0, changed.stderr
    assert sql("SELECT colour_id, uses FROM mv_paint") == [{"colour_id": 1, "uses": 2}]
    views = sql("SELECT TABLE_NAME FROM information_schema.materialized_views WHERE TABLE_SCHEMA = database()")
    assert [row["TABLE_NAME"] for row in views] == ["mv_paint"]
    assert run_job("migrate").document["notes"] == []


def test_views_in_a_circle_are_named(run_job: Any, warehouse_dir: Write) -> None:
    one = PAINT_VIEW.replace("v_paint", "v_one").replace("dim_colour", "v_two")
    warehouse_dir(
        {
            **FILES,
            "views/v_one.sql": one,
            "views/v_two.sql": one.replace("v_two", "x").replace("v_one", "v_two").replace("x", "v_one"),
        }
    )
    refused = run_job("migrate")
    assert refused.exit_code == 78
    assert "in a circle" in refused.error
    assert "v_one" in refused.error
    assert "v_two" in refused.error


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("schema/migrations/1_shade.sql", migration(ADD_SHADE, "shade"), "NNNN_name.sql"),
        ("schema/migrations/0001_shade.sql", "-- purpose: x\n-- owner: me\n\nSELECT 1;\n", "done-when"),
        ("views/v_paint.sql", PAINT_VIEW.replace("v_paint AS", "v_other AS"), "CREATE OR REPLACE VIEW v_paint"),
        ("views/v_paint.sql", PAINT_VIEW.replace("-- owner", "-- ownr"), "ownr"),
        ("views/v_paint.sql", PAINT_VIEW + "SELECT 1;", "expected one statement"),
        ("aggregates/agg_x.sql", "-- purpose: x\n-- owner: me\n-- window: 3 days\n\nSELECT 1;\n", "agg_x.sql"),
    ],
)
def test_a_wrong_file_is_told_before_anything_is_changed(
    run_job: Any, sql: Any, warehouse_dir: Write, name: str, text: str, told: str
) -> None:
    warehouse_dir({**FILES, name: text})
    refused = run_job("migrate")
    assert refused.exit_code == 78
    assert told in refused.error
    names = {next(iter(row.values())) for row in sql("SHOW TABLES")}
    assert not names & {"dim_colour", "fact_paint", "v_paint"}


def test_an_alter_that_starrocks_cancels_fails_the_step(
    start_job: Any, run_job: Any, sql: Any, delay: Any, until: Any, warehouse_dir: Write
) -> None:
    slowly = COLOUR.replace('"replication_num" = "1"', '"replication_num" = "1", "fast_schema_evolution" = "false"')
    warehouse_dir({**FILES, "schema/dim_colour.sql": slowly})
    assert run_job("migrate").exit_code == 0
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade")})
    delay(5)
    running = start_job("migrate")
    until(lambda: sql("SHOW ALTER TABLE COLUMN WHERE TableName = 'dim_colour'"))
    sql("CANCEL ALTER TABLE COLUMN FROM dim_colour")
    failed = running.end()
    assert failed.exit_code == 1
    assert "ALTER TABLE dim_colour was cancelled by StarRocks" in failed.error
    assert sql("SELECT count(*) AS n FROM ops_migration") == [{"n": 0}]
    delay(0)
    assert run_job("migrate").exit_code == 0
    assert sql("SELECT name FROM ops_migration") == [{"name": "0001_shade"}]


def test_an_alter_goes_on_when_the_job_is_killed_and_a_rerun_waits_for_it(
    start_job: Any, run_job: Any, sql: Any, delay: Any, until: Any, warehouse_dir: Write
) -> None:
    slowly = COLOUR.replace('"replication_num" = "1"', '"replication_num" = "1", "fast_schema_evolution" = "false"')
    warehouse_dir({**FILES, "schema/dim_colour.sql": slowly})
    assert run_job("migrate").exit_code == 0
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade")})
    delay(1)
    running = start_job("migrate")
    until(lambda: sql("SHOW ALTER TABLE COLUMN WHERE TableName = 'dim_colour'"))
    running.process.kill()
    running.end()
    done = run_job("migrate")
    assert done.exit_code == 0, done.stderr
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade"]
    assert len(sql("SHOW ALTER TABLE COLUMN WHERE TableName = 'dim_colour'")) == 1


@pytest.mark.parametrize(
    "marker", ["ALTER TABLE dim_colour", "INSERT INTO ops_migration", "CREATE OR REPLACE VIEW v_late"]
)
def test_a_lost_answer_is_survived(run_job: Any, sql: Any, losing: Any, warehouse_dir: Write, marker: str) -> None:
    warehouse_dir(FILES)
    assert run_job("migrate").exit_code == 0
    late = PAINT_VIEW.replace("v_paint", "v_late")
    warehouse_dir({"schema/migrations/0001_shade.sql": migration(ADD_SHADE, "shade"), "views/v_late.sql": late})
    done = run_job("migrate", env=losing(marker))
    assert done.exit_code == 0, done.stderr
    assert columns(sql, "dim_colour") == ["colour_id", "label", "shade"]
    assert sql("SELECT name FROM ops_migration") == [{"name": "0001_shade"}]
    assert sql("SELECT count(*) AS n FROM v_late") == [{"n": 0}]


def test_the_result_is_one_document(run_job: Any, warehouse_dir: Write) -> None:
    warehouse_dir(FILES)
    done = run_job("migrate")
    assert json.loads(done.stdout)["state"] == "done"
    assert {"dim_colour", "mv_paint", "v_paint_named"} <= set(done.document["created"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (POLICY.replace("SECURITY NONE", ""), "has to say `SECURITY NONE`"),
        (POLICY.replace("SECURITY NONE", "SECURITY INVOKER"), "has to say `SECURITY NONE`"),
        (POLICY.replace("FROM v_paint ", "FROM fact_paint "), "does not read dim_colour (mapping)"),
        (POLICY.replace("protects: fact_paint", "protects: dim_shade"), "does not read dim_shade (protects)"),
    ],
)
def test_a_policy_that_protects_nothing_is_refused(text: str, fault: str, run_job: Any, warehouse_dir: Write) -> None:
    warehouse_dir({**FILES, "rls-policies/named.sql": text})
    refused = run_job("migrate")
    assert refused.exit_code == 78
    assert fault in refused.error
    assert "rls-policies/named.sql" in refused.error


def test_a_materialized_view_over_a_policy_is_refused(run_job: Any, warehouse_dir: Write) -> None:
    between = "-- purpose: p\n-- owner: me\n\nCREATE OR REPLACE VIEW v_between AS SELECT paint_id FROM v_paint_named;\n"
    copies = PAINT_SUMS.replace(
        "colour_id, sum(litres) AS litres FROM fact_paint GROUP BY colour_id", "* FROM v_between"
    )
    warehouse_dir({**FILES, "views/v_between.sql": between, "views/materialized/mv_paint.sql": copies})
    refused = run_job("migrate")
    assert refused.exit_code == 78
    assert "mv_paint keeps rows of v_paint_named" in refused.error
