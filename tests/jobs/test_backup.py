"""backup: believed when StarRocks and the repository both say so, and never an OK without a backup."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.bucket_server import SECRET, opened, repository

TABLE = """\
-- purpose: paint used
-- owner: me
-- source: files paint/*.csv
-- refresh: incremental, morning
-- key: paint_id

CREATE TABLE IF NOT EXISTS fact_paint (
    paint_id BIGINT NOT NULL COMMENT "Key"
) PRIMARY KEY (paint_id) COMMENT "One row per use" DISTRIBUTED BY HASH (paint_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
"""
EVENING = "2026-11-10T19:00:00"


@pytest.fixture
def store(
    run_job: Any,
    sql: Any,
    database: str,
    environment: dict[str, str],
    tmp_path: Path,
    warehouse_dir: Callable[[Mapping[str, str]], Path],
) -> Path:
    """A warehouse with three rows, and a directory for its backups."""
    folder = tmp_path / "backups"
    folder.mkdir()
    environment |= {
        "BACKUP_REPOSITORY": f"store_{database}",
        "BACKUP_LOCATION": f"file://{folder}",
        "NIGHTSHIFT_NOW": EVENING,
    }
    warehouse_dir({"schema/fact_paint.sql": TABLE})
    assert run_job("migrate").exit_code == 0
    sql("INSERT INTO fact_paint VALUES (1), (2), (3)")
    return folder


def backups(sql: Any) -> list[dict[str, Any]]:
    """What the ledger says of backups."""
    rows: list[dict[str, Any]] = sql("SELECT * FROM ops_backup ORDER BY label")
    return rows


@pytest.mark.usefixtures("store")
def test_a_backup_is_in_the_repository(run_job: Any, sql: Any, database: str) -> None:
    done = run_job("backup")
    assert done.exit_code == 0, done.stderr
    (row,) = backups(sql)
    assert row["state"] == "FINISHED"
    assert row["label"].startswith(f"{database}_20261110_19")
    assert json.loads(row["row_counts"])["fact_paint"] == 3
    snapshots = sql(f"SHOW SNAPSHOT ON store_{database}")
    assert [(each["Snapshot"], each["Timestamp"]) for each in snapshots] == [(row["label"], row["timestamp"])]
    assert row["finished_at"] >= row["snapshot_at"]


@pytest.mark.usefixtures("store")
def test_after_a_restore_another_backup_is_another_one(run_job: Any, sql: Any, database: str) -> None:
    assert run_job("backup").exit_code == 0
    (first,) = backups(sql)
    sql("DROP TABLE fact_paint FORCE")
    sql("DROP TABLE ops_backup FORCE")
    sql(
        f"RESTORE SNAPSHOT {database}.{first['label']} FROM store_{database} ON (TABLE fact_paint, TABLE ops_backup)"
        f' PROPERTIES ("backup_timestamp" = "{first["timestamp"]}", "replication_num" = "1")'
    )
    while sql(f"SHOW RESTORE FROM {database}")[0]["State"] != "FINISHED":
        time.sleep(0.05)
    assert [row["state"] for row in backups(sql)] == ["ASKED"], "a backup holds its own row as it was then"
    sql("INSERT INTO fact_paint VALUES (4)")
    assert run_job("backup", "--again", env={"NIGHTSHIFT_NOW": "2026-11-11T04:00:00"}).exit_code == 0
    new, old = backups(sql)
    assert (old["label"], old["state"], old["timestamp"]) == (first["label"], "FINISHED", first["timestamp"])
    assert (new["state"], json.loads(new["row_counts"])["fact_paint"]) == ("FINISHED", 4)
    assert len(sql(f"SHOW SNAPSHOT ON store_{database}")) == 2


@pytest.mark.usefixtures("store")
def test_one_a_night_unless_asked_for_another(run_job: Any, sql: Any) -> None:
    assert run_job("backup").exit_code == 0
    again = run_job("backup", env={"NIGHTSHIFT_NOW": "2026-11-11T03:00:00"})
    assert again.exit_code == 0
    assert "nothing to do" in again.document["notes"][0]
    assert len(backups(sql)) == 1
    assert run_job("backup", "--again", env={"NIGHTSHIFT_NOW": "2026-11-11T04:00:00"}).exit_code == 0
    assert run_job("backup", env={"NIGHTSHIFT_NOW": "2026-11-11T19:00:00"}).exit_code == 0
    assert [(str(row["cycle"]), row["state"]) for row in backups(sql)] == [
        ("2026-11-10", "FINISHED"),
        ("2026-11-10", "FINISHED"),
        ("2026-11-11", "FINISHED"),
    ]


@pytest.mark.usefixtures("store")
def test_without_a_location_there_is_no_backup_and_no_ok(run_job: Any, sql: Any) -> None:
    refused = run_job("backup", env={"BACKUP_LOCATION": ""})
    assert refused.exit_code == 78
    assert "BACKUP_LOCATION" in refused.error
    assert refused.document["hint"]
    assert sql("SELECT state, exit_code FROM ops_job_run WHERE job = 'backup'") == [
        {"state": "failed", "exit_code": 78}
    ]


@pytest.mark.usefixtures("store")
def test_a_repository_elsewhere_is_refused(run_job: Any, sql: Any, tmp_path: Path) -> None:
    assert run_job("backup").exit_code == 0
    refused = run_job("backup", "--again", env={"BACKUP_LOCATION": f"file://{tmp_path}/elsewhere"})
    assert refused.exit_code == 78
    assert "/elsewhere" in refused.error
    assert len(backups(sql)) == 1


@pytest.mark.usefixtures("store")
def test_a_repository_that_needs_keys_is_left_to_a_person(run_job: Any, sql: Any) -> None:
    refused = run_job("backup", env={"BACKUP_LOCATION": "s3://bucket/path"})
    assert refused.exit_code == 78
    assert "CREATE REPOSITORY" in refused.document["hint"]
    assert backups(sql) == []


@pytest.mark.usefixtures("store")
def test_a_dry_run_writes_nothing(run_job: Any, sql: Any, database: str) -> None:
    dry = run_job("backup", "--dry-run")
    assert dry.exit_code == 0, dry.stderr
    assert [line.split()[0] for line in dry.document["planned"]] == ["CREATE", "INSERT", "BACKUP"]
    assert backups(sql) == []
    assert sql(f"SHOW BACKUP FROM {database}") == []
    assert f"store_{database}" not in [row["RepoName"] for row in sql("SHOW REPOSITORIES")]


@pytest.mark.usefixtures("store")
def test_a_cancelled_backup_is_no_backup(
    start_job: Any, run_job: Any, sql: Any, delay: Any, until: Any, database: str
) -> None:
    delay(60)
    running = start_job("backup")
    until(lambda: sql(f"SHOW BACKUP FROM {database}"))
    sql(f"CANCEL BACKUP FROM {database}")
    cancelled = running.end()
    assert cancelled.exit_code == 1
    assert "was cancelled by StarRocks" in cancelled.error
    assert [row["state"] for row in backups(sql)] == ["CANCELLED"]
    delay(0.1)
    assert run_job("backup", env={"NIGHTSHIFT_NOW": "2026-11-10T20:00:00"}).exit_code == 0
    assert [row["state"] for row in backups(sql)] == ["CANCELLED", "FINISHED"]


def test_another_backup_occupies_the_database(run_job: Any, sql: Any, delay: Any, store: Path, database: str) -> None:
    sql(f'CREATE REPOSITORY store_{database} WITH BROKER ON LOCATION "file://{store}"')
    delay(60)
    sql(f"BACKUP SNAPSHOT {database}.by_hand TO store_{database}")
    busy = run_job("backup", env={"BACKUP_TIMEOUT": "1"})
    assert busy.exit_code == 75
    assert "BACKUP by_hand is" in busy.error
    sql(f"CANCEL BACKUP FROM {database}")
    delay(0.1)
    done = run_job("backup")
    assert done.exit_code == 0, done.stderr
    assert [row["state"] for row in backups(sql)] == ["FINISHED"]


@pytest.mark.usefixtures("store")
def test_another_backup_is_waited_for(run_job: Any, sql: Any, delay: Any, store: Path, database: str) -> None:
    sql(f'CREATE REPOSITORY store_{database} WITH BROKER ON LOCATION "file://{store}"')
    delay(0.5)
    sql(f"BACKUP SNAPSHOT {database}.by_hand TO store_{database}")
    delay(0.05)
    done = run_job("backup")
    assert done.exit_code == 0, done.stderr
    assert len(sql(f"SHOW SNAPSHOT ON store_{database}")) == 2


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_job_leaves_its_backup_running_and_the_next_one_waits_for_it(
    start_job: Any, run_job: Any, sql: Any, delay: Any, until: Any, database: str, number: signal.Signals
) -> None:
    delay(1)
    running = start_job("backup")
    until(lambda: sql(f"SHOW BACKUP FROM {database}"))
    running.process.send_signal(number)
    stopped = running.end()
    if number is signal.SIGTERM:
        assert stopped.exit_code == 143
        assert "goes on in StarRocks" in stopped.document["notes"][0]
    (begun,) = sql(f"SHOW BACKUP FROM {database}")
    done = run_job("backup", env={"NIGHTSHIFT_NOW": "2026-11-10T20:00:00"})
    assert done.exit_code == 0, done.stderr
    (row,) = backups(sql)
    assert (row["label"], row["state"]) == (begun["SnapshotName"], "FINISHED")
    assert json.loads(row["row_counts"])["fact_paint"] == 3


@pytest.mark.usefixtures("store")
def test_the_answer_to_backup_is_lost(run_job: Any, sql: Any, losing: Any, database: str) -> None:
    done = run_job("backup", env=losing("BACKUP SNAPSHOT"))
    assert done.exit_code == 0, done.stderr
    (snapshot,) = sql(f"SHOW SNAPSHOT ON store_{database}")
    (row,) = backups(sql)
    assert (row["label"], row["state"]) == (snapshot["Snapshot"], "FINISHED")
    assert sql("SELECT step, attempt FROM ops_job_step WHERE step = 'backup'") == [{"step": "backup", "attempt": 2}]


def test_a_backup_that_has_gone_from_the_repository_is_none(run_job: Any, sql: Any, store: Path) -> None:
    assert run_job("backup").exit_code == 0
    (row,) = backups(sql)
    (folder,) = store.rglob(f"__ss_{row['label']}")
    shutil.rmtree(folder)
    done = run_job("backup", env={"NIGHTSHIFT_NOW": "2026-11-10T20:00:00"})
    assert done.exit_code == 0, done.stderr
    assert len(backups(sql)) == 2


@pytest.mark.usefixtures("store")
def test_a_backup_that_takes_too_long_is_told(run_job: Any, delay: Any) -> None:
    delay(60)
    late = run_job("backup", env={"BACKUP_TIMEOUT": "1"})
    assert late.exit_code == 1
    assert "it goes on in StarRocks" in late.error


def test_a_backup_goes_into_a_bucket(store: Path, run_job: Any, sql: Any, database: str) -> None:
    name, location = f"store_{database}", "s3://shop/backups"
    with opened("shop") as bucket:
        sql(repository(bucket, name, location))
        done = run_job("backup", env={"BACKUP_LOCATION": location})
        assert done.exit_code == 0, done.stderr
        (row,) = backups(sql)
        assert (row["state"], json.loads(row["row_counts"])["fact_paint"]) == ("FINISHED", 3)
        inside = f"backups/__starrocks_repository_{name}/__ss_{row['label']}"
        assert f"{inside}/__info_{row['timestamp']}" in bucket.files
        assert list(store.iterdir()) == []
        bucket.key_id = "another"
        refused = run_job("backup", "--again", env={"BACKUP_LOCATION": location})
        assert refused.exit_code != 0
        assert SECRET not in refused.stderr
        assert len(backups(sql)) == 1
    sql(f"DROP REPOSITORY {name}")
