"""`./run status` as a process: before there is a ledger, in the middle of a night, and with gaps."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.test_verify import FILES, MORNING, SALE, night_was_done

REPOSITORY = Path(__file__).resolve().parents[2]
Sql = Callable[..., list[dict[str, Any]]]
CRONTAB = """\
0 19 * * * /opt/nightshift/run backup
0 20 * * * /opt/nightshift/run load_dimensions
0 5 * * * /opt/nightshift/run load_facts
40 6 * * * /opt/nightshift/run verify
"""
PARTITIONED = SALE.replace("DISTRIBUTED", "PARTITION BY date_trunc('day', sold_date)\nDISTRIBUTED")


@pytest.fixture
def status(warehouse_dir: Callable[..., Path], run_job: Callable[..., Any]) -> Callable[..., Any]:
    """The status, at 06:40 of the morning after 2026-11-01 unless a test says otherwise."""
    warehouse_dir({**FILES, "schema/fact_sale.sql": PARTITIONED, "crontab": CRONTAB})
    return lambda *args, **env: run_job("status", *args, env={**MORNING, **env})


def test_before_there_is_a_ledger(status: Callable[..., Any], environment: dict[str, str]) -> None:
    done = status()
    assert done.exit_code == 0
    assert done.document["status"]["has_ledger"] is False
    shown = subprocess.run(
        [REPOSITORY / "run", "status"], env={**environment, **MORNING}, capture_output=True, text=True, check=True
    )
    assert "There is no ledger in the warehouse yet. Next: ./run migrate" in shown.stdout


def test_a_night_under_way(
    status: Callable[..., Any], run_job: Callable[..., Any], sql: Sql, environment: dict[str, str]
) -> None:
    assert run_job("migrate").exit_code == 0
    night_was_done(sql, "2026-11-01")
    sql("INSERT INTO fact_sale VALUES ('2026-11-01', 1, '2026-11-01 20:40:00', NULL, 10)")
    sql("INSERT INTO ops_watermark VALUES ('fact_sale', '0', '1234', 'l', '2026-11-01 20:00:00')")
    sql(
        "INSERT INTO ops_quarantine (target, row_id, reason, column_name, value, source, coordinates, row_text,"
        " accepted, load_id, run_id, quarantined_at) VALUES ('fact_sale', 'q1', 'type', 'amount', 'x', 'files',"
        " 'a.csv:17', '{}', TRUE, 'l', '2026-11-01-load_facts', '2026-11-02 05:00:00')"
    )
    assert run_job("verify", env=MORNING).exit_code == 0
    done = status()
    assert done.exit_code == 0
    found = done.document["status"]
    assert [(one["job"], one["state"]) for one in found["jobs"]] == [
        ("backup", "late"),
        ("load_dimensions", "done"),
        ("load_facts", "done"),
        ("verify", "done"),
    ]
    assert (found["jobs"][2]["seconds"], found["jobs"][2]["rows_loaded"]) == (100.0, 2)
    table = next(one for one in found["tables"] if one["table"] == "fact_sale")
    assert (table["lag_hours"], table["positions"], table["quarantined"]) == (10.0, {"0": "1234"}, 1)
    assert found["backup"]["label"] == "backup_20261101"
    assert (found["verified"]["verdict"], found["verified"]["faults"]["WARNING"]) == ("warning", 1)
    assert found["locks"] == {}
    shown = subprocess.run(
        [REPOSITORY / "run", "status"], env={**environment, **MORNING}, capture_output=True, text=True, check=True
    ).stdout
    assert "backup: backup_20261101, finished 2026-11-01 19:03" in shown
    assert "fact_sale     2026-11-01 20:00  2026-11-01 20:40  10.0 h  1           0 1234" in shown


def test_a_job_that_is_not_due_yet_is_waiting(status: Callable[..., Any], run_job: Callable[..., Any]) -> None:
    assert run_job("migrate").exit_code == 0
    evening = status(NIGHTSHIFT_NOW="2026-11-01T21:00:00").document["status"]
    states = {one["job"]: one["state"] for one in evening["jobs"]}
    assert states == {"backup": "late", "load_dimensions": "late", "load_facts": "waiting", "verify": "waiting"}


def test_gaps_name_the_missing_days(
    status: Callable[..., Any], run_job: Callable[..., Any], sql: Sql, environment: dict[str, str]
) -> None:
    assert run_job("migrate").exit_code == 0
    for number, day in enumerate(("2026-10-28", "2026-10-30", "2026-11-02")):
        sql("INSERT INTO fact_sale VALUES (%s, %s, %s, 7, 1)", (day, number, f"{day} 05:00:00"))
    assert status("--gaps").document["gaps"] == {"fact_sale": ["2026-10-29", "2026-10-31", "2026-11-01"]}
    shown = subprocess.run(
        [REPOSITORY / "run", "status", "--gaps"],
        env={**environment, **MORNING},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "gaps: fact_sale: 3 days without rows: 2026-10-29, 2026-10-31 to 2026-11-01" in shown


def test_status_writes_nothing(status: Callable[..., Any], run_job: Callable[..., Any], sql: Sql) -> None:
    assert run_job("migrate").exit_code == 0
    before = sql("SELECT count(*) AS n FROM ops_job_run")
    assert status("--gaps").exit_code == 0
    assert sql("SELECT count(*) AS n FROM ops_job_run") == before


def test_who_holds_a_lock(status: Callable[..., Any], run_job: Callable[..., Any], environment: dict[str, str]) -> None:
    from filelock import FileLock

    assert run_job("migrate").exit_code == 0
    file = Path(environment["STATE_DIR"]) / "locks" / "verify.lock"
    with FileLock(file, fallback_to_soft=False):
        file.write_text('{"job": "verify", "run_id": "r7", "pid": 42, "host": "here", "since": "05:00"}')
        held = status().document["status"]["locks"]
    assert held == {"verify": "verify (run r7, pid 42 on here, since 05:00)"}


def test_a_table_that_is_not_migrated_yet_does_not_hide_the_others(
    status: Callable[..., Any], run_job: Callable[..., Any], sql: Sql
) -> None:
    assert run_job("migrate").exit_code == 0
    sql("DROP TABLE fact_sale FORCE")
    found = status("--gaps").document
    assert found["status"]["has_ledger"] is True
    assert {one["table"] for one in found["status"]["tables"]} == {"dim_customer", "fact_sale"}
    assert found["gaps"] == {"fact_sale": []}
