"""The checks of the night itself, over a ledger as the jobs leave it: once in order, once not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from lib import catalog, verification
from lib.checks import Night
from lib.checks import night as night_checks
from lib.verification import Result
from lib.verification_plan import NIGHT, Asked, Subject

CYCLE = date(2026, 11, 1)
CHAIN = ("load_reference", "load_dimensions", "load_facts", "refresh_views", "build_aggregates")


@pytest.fixture(autouse=True)
def _warehouse(environment: Callable[..., None], night: Night, tmp_path: Path) -> None:  # noqa: ARG001  # order
    """A warehouse with one materialized view and one fact that may infer members of a dimension."""
    for name, text in {
        "views/materialized/mv_daily.sql": "",
        "schema/dim_customer.sql": DIMENSION,
        "schema/fact_sale.sql": FACT,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment(WAREHOUSE_DIR=tmp_path, BACKUP_LOCATION="file:///backups")
    catalog.tables.cache_clear()
    yield
    catalog.tables.cache_clear()


DIMENSION = """\
-- purpose: test
-- owner: test
-- source: files customers/*.csv
-- refresh: full, evening
-- scd: 2
-- key: customer_id
CREATE TABLE IF NOT EXISTS dim_customer (customer_id BIGINT);
"""
FACT = """\
-- purpose: test
-- owner: test
-- source: files sales/*.csv
-- refresh: incremental, morning
-- key: id
-- infer: dim_customer.customer_id
-- check: CRITICAL references(customer_id, dim_customer.customer_id)
CREATE TABLE IF NOT EXISTS fact_sale (id BIGINT);
"""


def ask(night: Night, name: str) -> Result:
    """What verification says of one check of the night."""
    module = night_checks.found()[name]
    asked = Asked(NIGHT, name, module.SEVERITY, "here", module.question(night))
    return verification.verify(night, [Subject(NIGHT, "", [asked])])[0]


def ran(night: Night, job: str, state: str = "done", *, cycle: date = CYCLE, at: str = "05:00:00") -> str:
    """A run in the ledger; returns its id."""
    run_id = f"{cycle}-{job}-{at}"
    night.warehouse.write(
        "INSERT INTO ops_job_run (run_id, job, cycle, state, attempt, arguments, started_at, rows_read, rows_loaded,"
        " rows_repeated, rows_quarantined, host, pid, revision, trace_id, error, hint) VALUES"
        " (%s, %s, %s, %s, 1, '', %s, 0, 0, 0, 0, 'here', 1, '', '', '', '')",
        (run_id, job, cycle, state, f"2026-11-02 {at}"),
    )
    return run_id


def put_aside(night: Night, run_id: str, row_id: str, reason: str = "type") -> None:
    """A row in quarantine."""
    night.warehouse.write(
        "INSERT INTO ops_quarantine (target, row_id, reason, column_name, value, source, coordinates, row_text,"
        " accepted, load_id, run_id, quarantined_at) VALUES ('fact_sale', %s, %s, 'amount', 'x', 'files',"
        " 'a.csv:3', '{}', TRUE, 'l', %s, '2026-11-02 05:00:00')",
        (row_id, reason, run_id),
    )


def test_predecessors(night: Night) -> None:
    for job in CHAIN:
        ran(night, job, "partial" if job == "load_facts" else "done")
    ran(night, "load_facts", "skipped", at="05:30:00")
    result = ask(night, "predecessors")
    assert (result.state, result.severity) == ("passed", "CRITICAL")
    ran(night, "refresh_views", "failed", at="06:00:00")
    assert ask(night, "predecessors").measured == "refresh_views is failed"


def test_predecessors_of_another_night_do_not_count(night: Night) -> None:
    for job in CHAIN:
        ran(night, job, cycle=date(2026, 10, 31))
    result = ask(night, "predecessors")
    assert result.state == "failed"
    assert set(result.measured.split("; ")) == {f"{job} has not run" for job in CHAIN}


def test_quarantine(night: Night) -> None:
    put_aside(night, ran(night, "load_facts", cycle=date(2026, 10, 31)), "old")
    result = ask(night, "quarantine")
    assert (result.state, result.severity, result.wrong_rows) == ("passed", "WARNING", 0)
    tonight = ran(night, "load_facts")
    put_aside(night, tonight, "a")
    put_aside(night, tonight, "b", "reference")
    put_aside(night, tonight, "c")
    result = ask(night, "quarantine")
    assert (result.state, result.wrong_rows) == ("failed", 3)
    assert result.measured == "3 rows in quarantine: fact_sale: 1 reference, 2 type"
    assert len(night.warehouse.read(result.query.rstrip(";"))) == 3


def test_views_active(night: Night) -> None:
    result = ask(night, "views_active")
    assert (result.state, result.severity) == ("failed", "CRITICAL")
    assert result.measured == "mv_daily does not exist"
    night.warehouse.write(
        "CREATE MATERIALIZED VIEW mv_daily REFRESH DEFERRED MANUAL"
        " AS SELECT id, count(*) AS sales FROM fact_sale GROUP BY id"
    )
    assert ask(night, "views_active").state == "passed"
    night.warehouse.write("ALTER MATERIALIZED VIEW mv_daily INACTIVE")
    result = ask(night, "views_active")
    assert result.state == "failed"
    assert result.measured.startswith("mv_daily is inactive (")


def test_views_refreshed(night: Night) -> None:
    result = ask(night, "views_refreshed")
    assert (result.state, result.severity, result.measured) == ("failed", "WARNING", "mv_daily: not refreshed")
    run_id = ran(night, "refresh_views")
    step = (
        "INSERT INTO ops_job_step VALUES"
        " (%s, 'mv_daily', 'refresh_views', %s, 1, '2026-11-02 05:40:00', 1, 0, 0, 0, 0, 0, '', '')"
    )
    night.warehouse.write(step, (run_id, "failed"))
    assert ask(night, "views_refreshed").measured == "mv_daily: failed"
    night.warehouse.write(step, (run_id, "done"))
    assert ask(night, "views_refreshed").state == "passed"


def test_backup(night: Night, environment: Callable[..., None]) -> None:
    result = ask(night, "backup")
    assert (result.state, result.severity, result.measured) == ("failed", "WARNING", "no backup this night")
    environment(BACKUP_LOCATION="")
    assert ask(night, "backup").measured == "no backup this night: BACKUP_LOCATION is not set"
    row = "INSERT INTO ops_backup VALUES (%s, 'r', %s, %s, NULL, '2026-11-01 19:03:00', 't', 9, '{}', 'run', %s)"
    night.warehouse.write(row, ("b1", CYCLE, "CANCELLED", "disk full"))
    night.warehouse.write(row, ("b0", date(2026, 10, 31), "FINISHED", ""))
    assert ask(night, "backup").measured == "b1 is CANCELLED: disk full"
    night.warehouse.write(row, ("b2", CYCLE, "FINISHED", ""))
    assert ask(night, "backup").state == "passed"


def test_inferred_members(night: Night) -> None:
    night.warehouse.write("ALTER TABLE dim_customer ADD COLUMN is_inferred BOOLEAN NOT NULL DEFAULT 'false'")
    _wait_for_column(night)
    result = ask(night, "inferred_members")
    assert (result.state, result.severity) == ("passed", "INFO")
    member = "INSERT INTO dim_customer VALUES (%s, '1970-01-01 00:00:00', '9999-12-31 00:00:00', TRUE, TRUE)"
    for number in (1, 2):
        night.warehouse.write(member, (number,))
    result = ask(night, "inferred_members")
    assert (result.state, result.measured) == ("failed", "inferred members still waiting: dim_customer: 2")


def _wait_for_column(night: Night) -> None:
    import time

    until = time.monotonic() + 10
    while time.monotonic() < until:
        rows = night.warehouse.read("SHOW ALTER TABLE COLUMN")
        if not rows or rows[-1]["State"] == "FINISHED":
            return
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("read", "staged", "loaded", "repeated", "aside", "state"),
    [
        (10, 8, 7, 1, 2, "passed"),
        (10, 10, 11, 0, 0, "failed"),
        (0, 0, 0, 0, 0, "passed"),
        (10, 8, 7, 1, 1, "failed"),
        (10, 10, 9, 0, 0, "failed"),
        (10, 11, 10, 0, 0, "failed"),
    ],
)
def test_loads(night: Night, read: int, staged: int, loaded: int, repeated: int, aside: int, state: str) -> None:
    night.warehouse.write(
        "INSERT INTO ops_load VALUES ('fact_sale', 'l1', 'r', %s, 's', 'a.csv', '', '', '', %s, %s, %s, %s, %s, 0,"
        " '2026-11-02 05:00:00')",
        (CYCLE, read, staged, loaded, repeated, aside),
    )
    result = ask(night, "loads")
    assert (result.state, result.severity) == (state, "WARNING")
    assert state == "passed" or result.measured.startswith("fact_sale (l1): 10 read, ")


def test_every_check_of_the_night_has_a_test() -> None:
    tested = {name.removeprefix("test_") for name in globals()}
    # The chain of offsets: test_kafka_proof.
    assert set(night_checks.found()) <= tested | {"kafka_offsets"}
