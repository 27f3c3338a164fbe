"""`--dry-run` of every job, on the repository's own warehouse: it says what it would do, and nothing has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pymysql
import pytest

from emulator.server import Server
from examples.broker import Broker
from examples.fill import Sources
from lib import job_files
from tests.jobs.small_warehouse import LONGEST_SECONDS, REPOSITORY

MORNING = "2026-11-02T05:00:00"
# A dry run of what does not end would not end; these say so.
ENDLESS = {"follow_facts"}


@dataclass
class Warehouse:
    """The repository's warehouse, migrated, with sources of one day of which nothing is loaded yet."""

    server: Server
    folder: Path
    environment: dict[str, str]

    def run(self, *words: str, expect: int = 0) -> dict[str, Any]:
        """Runs a job to the end that is expected, and returns its document."""
        done = subprocess.run(
            [REPOSITORY / "run", *words, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == expect, f"{words}: {done.stdout}{done.stderr}"
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def was_done(self, job: str) -> None:
        """Puts a run into the ledger, after which verify is content."""
        row = {
            **{"run_id": job, "job": job, "cycle": MORNING[:8] + "01", "state": "done", "attempt": 1},
            **{"started_at": MORNING, "host": "h", "pid": 1},
            **dict.fromkeys(("rows_read", "rows_loaded", "rows_repeated", "rows_quarantined"), 0),
            **dict.fromkeys(("arguments", "revision", "trace_id", "error", "hint"), ""),
        }
        marks = ", ".join(["%s"] * len(row))
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO dw.ops_job_run ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    def _connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(host="127.0.0.1", port=self.server.mysql_port, user="root")

    def content(self) -> dict[str, list[str]]:
        """Every row of every table of every database."""
        found = {}
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            for database in ("dw", "dw_stage"):
                cursor.execute(f"SHOW TABLES FROM {database}")
                for (table,) in cursor.fetchall():
                    cursor.execute(f"SELECT * FROM {database}.{table}")
                    found[f"{database}.{table}"] = sorted(map(repr, cursor.fetchall()))
            cursor.execute("SHOW REPOSITORIES")
            found["repositories"] = [repr(row) for row in cursor.fetchall()]
        return found

    def files(self) -> set[Path]:
        """Everything in STATE_DIR and in the place of the backups."""
        found = (path for name in ("state", "backups") for path in (self.folder / name).rglob("*") if path.is_file())
        # A dry run reads the sources as well, and remembers their contents.
        return {path for path in found if not path.name.startswith("files.sqlite")}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("warehouse")
    with Server(data=folder / "server", async_delay_ms=5) as server, Broker() as broker:
        sources = Sources(folder / "sources", date(2026, 11, 1), broker.bootstrap_servers, scale=0.02)
        sources.fill(date(2026, 11, 1))
        made = Warehouse(
            server,
            folder,
            {
                "PATH": os.environ["PATH"],
                "NIGHTSHIFT_PYTHON": sys.executable,
                "STARROCKS_HOST": "127.0.0.1",
                "STARROCKS_PORT": str(server.mysql_port),
                "STARROCKS_HTTP_PORT": str(server.http_port),
                "STATE_DIR": str(folder / "state"),
                "SECRETS_DIR": str(folder / "no-secrets"),
                "BACKUP_LOCATION": f"file://{folder / 'backups'}",
                "NIGHTSHIFT_NOW": MORNING,
                **sources.settings(),
            },
        )
        made.run("migrate")
        for job in ("load_reference", "load_dimensions", "load_facts", "refresh_views", "build_aggregates"):
            made.was_done(job)
        yield made


@pytest.mark.parametrize("job", [file.name for file in job_files.read_all()])
def test_a_dry_run_of_any_job_writes_nothing(warehouse: Warehouse, job: str) -> None:
    tables, files = warehouse.content(), warehouse.files()
    refuses = job in ENDLESS
    document = warehouse.run(job, "--dry-run", expect=2 if refuses else 0)
    assert (document["job"], document["state"]) == (job, "skipped" if refuses else "done")
    assert warehouse.content() == tables
    assert warehouse.files() == files


def test_a_dry_run_says_what_it_would_do(warehouse: Warehouse) -> None:
    assert any("CREATE REPOSITORY" in statement for statement in warehouse.run("backup", "--dry-run")["planned"])
    assert warehouse.run("load_facts", "--dry-run", "--only", "fact_sales")["rows"]["read"] > 0
    refreshed = warehouse.run("refresh_views", "--dry-run")["planned"]
    assert any("REFRESH MATERIALIZED VIEW" in statement for statement in refreshed)


def test_a_dry_run_before_the_first_migration_says_what_is_missing(warehouse: Warehouse) -> None:
    env = {**warehouse.environment, "STARROCKS_DATABASE": "nowhere", "STARROCKS_STAGE_DATABASE": "nowhere_stage"}
    command = [REPOSITORY / "run", "load_facts", "--dry-run"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert done.returncode == 1
    assert "hint: create what schema/ declares: ./run migrate" in done.stderr
    planned = Warehouse(warehouse.server, warehouse.folder, env).run("migrate", "--dry-run")["planned"]
    assert planned[0].startswith("CREATE DATABASE")
