"""A warehouse of two facts and one list, migrated once for the tests of a file; every test has a night of its own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from emulator.server import Server
from tests.jobs.processes import LONGEST_SECONDS, REPOSITORY, Completed, Started

FACT = """\
-- purpose: what is sold
-- owner: me
-- source: files {name}/*.csv
-- refresh: incremental, morning
-- key: sale_id
-- tolerate: 1 row

CREATE TABLE IF NOT EXISTS {name} (sale_id BIGINT NOT NULL, quantity INT NOT NULL)
PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
CRONTAB = "0 20 * * * /opt/nightshift/run load_dimensions\n0 5 * * * /opt/nightshift/run load_facts\n"
FACTS = ("fact_first", "fact_second")
_days = itertools.count()


@dataclass
class Night:
    """One night of the small warehouse, with sources and a STATE_DIR of its own."""

    server: Server
    folder: Path
    cycle: date
    environment: dict[str, str]
    started: list[Started] = field(default_factory=list)

    def start(self, name: str, *args: str, **env: str) -> Started:
        """Starts `./run NAME ...` in the morning of the night, a minute after the job before."""
        now = {"NIGHTSHIFT_NOW": f"{self.cycle + timedelta(days=1)}T05:{len(self.started):02}:00"}
        process = subprocess.Popen(
            [str(REPOSITORY / "run"), name, *args],
            env={key: value for key, value in {**self.environment, **now, **env}.items() if value != UNSET},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(Started(process))
        return self.started[-1]

    def run(self, name: str, *args: str, **env: str) -> Completed:
        """Runs a job to its end."""
        return self.start(name, *args, **env).end()

    def load(self, *args: str, **env: str) -> Completed:
        """load_facts with --json, whatever ran before it."""
        return self.run("load_facts", "--force", "--json", *args, **env)

    def drop(self, table: str, *lines: str) -> None:
        """A CSV file for one of the facts."""
        folder = self.folder / "sources" / table
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.csv"
        path.write_text("sale_id,quantity\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")

    def row(self) -> int:
        """The number of a sale that no other test has."""
        return next(_days) + 1_000

    def was(self, job: str, state: str, cycle: date | None = None, **values: Any) -> None:
        """Puts a run into the ledger as if it had come to this state in the evening."""
        night = cycle or self.cycle
        row = {
            **{"run_id": f"{job}-{night}-{state}", "job": job, "cycle": night, "state": state, "attempt": 1},
            **{"started_at": f"{night} 20:00:00", "host": "elsewhere", "pid": 1},
            **dict.fromkeys(("rows_read", "rows_loaded", "rows_repeated", "rows_quarantined"), 0),
            **dict.fromkeys(("arguments", "revision", "trace_id", "error", "hint"), ""),
            **values,
        }
        marks = ", ".join(["%s"] * len(row))
        self.sql(f"INSERT INTO ops_job_run ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    def runs(self, job: str = "load_facts") -> list[dict[str, Any]]:
        """The ledger's rows of a job in this night, oldest first."""
        return self.sql(
            "SELECT * FROM ops_job_run WHERE job = %s AND cycle = %s ORDER BY started_at, run_id", (job, self.cycle)
        )

    def sql(self, text: str, params: Sequence[Any] | None = None) -> list[dict[str, Any]]:
        """The rows of one statement."""
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            cursor.execute(text, params)
            return list(cursor.fetchall())

    def _connect(self) -> pymysql.Connection[DictCursor]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.server.mysql_port,
            user="root",
            database="dw",
            autocommit=True,
            cursorclass=DictCursor,
        )


# The value of a setting that is not to be in the environment at all.
UNSET = "\0"


def settings(server: Server, folder: Path) -> dict[str, str]:
    """An environment that holds nothing of the machine's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NIGHTSHIFT_PYTHON": sys.executable,
        "STARROCKS_HOST": "127.0.0.1",
        "STARROCKS_PORT": str(server.mysql_port),
        "STARROCKS_HTTP_PORT": str(server.http_port),
        "STATE_DIR": str(folder / "state"),
        "SECRETS_DIR": str(folder / "no-secrets"),
        "SOURCE_DIR": str(folder / "sources"),
        "NIGHTSHIFT_ATTEMPTS": "3",
        "NIGHTSHIFT_BACKOFF": "0.05",
        "NIGHTSHIFT_LOG": "json",
    }


@contextmanager
def migrated(folder: Path) -> Iterator[Server]:
    """A server with the tables of the small warehouse, whose files are in `folder`/warehouse."""
    schema = folder / "warehouse" / "schema"
    schema.mkdir(parents=True)
    for ledger in (REPOSITORY / "schema").glob("ops_*.sql"):
        shutil.copy(ledger, schema)
    for name in FACTS:
        (schema / f"{name}.sql").write_text(FACT.format(name=name), encoding="utf-8")
    (folder / "warehouse" / "crontab").write_text(CRONTAB, encoding="utf-8")
    with Server(data=folder / "server", async_delay_ms=5, faults=True) as server:
        env = {**settings(server, folder), "WAREHOUSE_DIR": str(folder / "warehouse")}
        done = subprocess.run([REPOSITORY / "run", "migrate"], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        yield server


@contextmanager
def a_night(server: Server, warehouse: Path, folder: Path) -> Iterator[Night]:
    """A night that no other test has; what still runs at its end is killed."""
    cycle = date(2026, 1, 1) + timedelta(days=2 * next(_days))
    environment = {**settings(server, folder), "WAREHOUSE_DIR": str(warehouse)}
    (folder / "sources").mkdir(exist_ok=True)
    night = Night(server, folder, cycle, environment)
    yield night
    for each in night.started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()
    night.sql("UPDATE ops_job_run SET state = 'failed' WHERE state = 'running'")


def nobody() -> str:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def log_lines(done: Completed) -> list[dict[str, Any]]:
    """The log of a job, from its standard error."""
    return [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]


def told_lines(done: Completed) -> list[str]:
    """What standard error holds beside the log: the words for a person."""
    return [line for line in done.stderr.splitlines() if not line.startswith("{")]


__all__ = [
    "FACTS", "LONGEST_SECONDS", "REPOSITORY", "UNSET", "Night", "a_night", "log_lines", "migrated", "nobody",
    "settings", "told_lines",
]  # fmt: skip
