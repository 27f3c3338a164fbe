"""A small warehouse of one test: its files, its sources, its jobs forked from a zygote, its server shared."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from emulator.server import Server

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = "2026-11-20T05:00:00"


@dataclass(frozen=True)
class Ended:
    """How a job ended: exit code (negative: the signal), what it printed, its peak of resident memory in KiB."""

    code: int
    out: str
    err: str
    peak_kib: int

    @property
    def document(self) -> dict[str, Any]:
        """Its result; empty when it printed none."""
        return dict(json.loads(self.out)) if self.out.startswith("{") else {}

    @property
    def error(self) -> str:
        """What it told."""
        return str(self.document.get("error", self.err))


class Zygote:
    """Forks jobs, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "job.out", folder / "job.err"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.zygote"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"]},
        )
        assert "ready" in self._answer()

    def start(self, argv: Sequence[str], env: Mapping[str, str]) -> int:
        """Starts a job and returns its process id; `end` has to follow."""
        command = {"argv": [*argv, "--json"], "env": dict(env), "out": str(self._out), "err": str(self._err)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return int(self._answer()["pid"])

    def end(self) -> Ended:
        """Waits for the end of the job."""
        answer = self._answer()
        code = os.waitstatus_to_exitcode(answer["status"])
        return Ended(code, self._out.read_text(), self._err.read_text(), answer["peak_kib"])

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the zygote died"
        return dict(json.loads(line))


@dataclass
class Small:
    """A warehouse in `folder`, with a database of its own on a shared server."""

    folder: Path
    server: Server
    zygote: Zygote
    database: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lays out folders and settings."""
        for name in ("warehouse/schema", "warehouse/reference-data", "sources"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for ledger in (REPOSITORY / "schema").glob("ops_*.sql"):
            shutil.copy(ledger, self.folder / "warehouse" / "schema")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "STARROCKS_HOST": "127.0.0.1",
            "STARROCKS_PORT": str(self.server.mysql_port),
            "STARROCKS_HTTP_PORT": str(self.server.http_port),
            "STARROCKS_DATABASE": self.database,
            "STARROCKS_STAGE_DATABASE": f"{self.database}_stage",
            "STATE_DIR": str(self.folder / "state"),
            "SECRETS_DIR": str(self.folder / "no-secrets"),
            "WAREHOUSE_DIR": str(self.folder / "warehouse"),
            "SOURCE_DIR": str(self.folder / "sources"),
            "CONNECTION_SHOP": f"sqlite:///{self.folder / 'shop.db'}",
            "NIGHTSHIFT_ATTEMPTS": "2",
            "NIGHTSHIFT_BACKOFF": "0.02",
            "NIGHTSHIFT_NOW": NOW,
            "NIGHTSHIFT_LOG": "json",
        }

    def write(self, name: str, text: str | bytes) -> None:
        """A file of the warehouse or of its sources."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def start(self, *argv: str, **settings: str) -> int:
        """Starts a job; `end` has to follow."""
        return self.zygote.start(argv, {**self.environment, **settings})

    def end(self) -> Ended:
        """The end of the job that was started."""
        return self.zygote.end()

    def run(self, *argv: str, expect: Sequence[int] = (0,), **settings: str) -> Ended:
        """Runs a job to its end, which must be one of those expected and without a traceback."""
        self.start(*argv, **settings)
        ended = self.end()
        assert ended.code in expect, f"{argv} ended with {ended.code}: {ended.error}\n{ended.err[-6000:]}"
        assert "Traceback" not in ended.err
        return ended

    def shop(self, *statements: str | tuple[str, Sequence[Any]]) -> None:
        """Executes statements in the operational database."""
        with closing(sqlite3.connect(self.folder / "shop.db")) as database, database:
            for statement in statements:
                database.execute(*((statement,) if isinstance(statement, str) else statement))

    def sql(self, text: str, values: Sequence[Any] = (), database: str = "") -> list[dict[str, Any]]:
        """Rows of one statement."""
        with closing(self._connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(text, values or None)
            return list(cursor.fetchall())

    def rows(self, table: str, columns: str = "*") -> list[str]:
        """Every row of a table as text, in an order of its own."""
        return sorted(repr(tuple(row.values())) for row in self.sql(f"SELECT {columns} FROM {table}"))

    def stage_tables(self) -> list[str]:
        """What stands in the stage database."""
        return [str(next(iter(row.values()))) for row in self.sql(f"SHOW TABLES FROM {self.database}_stage")]

    def spool_files(self) -> list[str]:
        """What stands in the spool."""
        return sorted(path.name for path in (self.folder / "state" / "spool").glob("*"))

    def keep(self, tables: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The rows of tables, for `put_back`."""
        return {table: self.sql(f"SELECT * FROM {table}") for table in tables}

    def put_back(self, kept: Mapping[str, list[dict[str, Any]]]) -> None:
        """Tables as they were."""
        with closing(self._connect()) as connection, connection.cursor() as cursor:
            for table, rows in kept.items():
                cursor.execute(f"TRUNCATE TABLE {table}")
                if rows:
                    marks = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
                    values = [value for row in rows for value in row.values()]
                    cursor.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * len(rows))}", values)

    def _connect(self, database: str = "") -> pymysql.Connection[DictCursor]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.server.mysql_port,
            user="root",
            database=database or self.database,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=DictCursor,
        )


@contextmanager
def zygote(folder: Path) -> Iterator[Zygote]:
    """A zygote for the tests of one file."""
    made = Zygote(folder)
    try:
        yield made
    finally:
        made.close()


def kill(pid: int) -> None:
    """`kill -9`; a process that has ended already stays ended."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
