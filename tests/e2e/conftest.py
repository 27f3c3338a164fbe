"""The whole suite on the embedded server: the repository's own warehouse, the demo's sources, jobs as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.cursors import DictCursor

from emulator.server import Server
from examples.broker import Broker
from examples.fill import Sources
from tests.e2e.small import Small, Zygote, zygote

REPOSITORY = Path(__file__).resolve().parents[2]
FIRST_DAY, LAST_DAY = date(2026, 10, 31), date(2026, 11, 1)


@dataclass
class Night:
    """A warehouse with its sources, and `run` to start a job in it."""

    server: Server
    sources: Sources
    environment: dict[str, str]

    def start(self, job: str, *arguments: str, at: str = "2026-11-02T05:00:00") -> subprocess.Popen[str]:
        """Starts a job as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "jobs", job, "--json", *arguments],
            cwd=REPOSITORY,
            env={**self.environment, "NIGHTSHIFT_NOW": at},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, job: str, *arguments: str, expect: Sequence[int] = (0,), at: str = "2026-11-02T05:00:00"
    ) -> dict[str, Any]:
        """Runs a job to its end and returns its JSON document."""
        process = self.start(job, *arguments, at=at)
        out, err = process.communicate(timeout=120)
        assert process.returncode in expect, f"{job} ended with {process.returncode}: {out}\n{err}"
        document: dict[str, Any] = json.loads(out)
        return document

    def connect(self) -> pymysql.Connection[DictCursor]:
        """A plain client of the warehouse."""
        return pymysql.connect(
            host="127.0.0.1", port=self.server.mysql_port, user="root", database="dw", cursorclass=DictCursor
        )

    def sql(self, text: str) -> list[dict[str, Any]]:
        """Rows of one statement."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Forks the jobs of one file of tests."""
    with zygote(tmp_path_factory.mktemp("zygote")) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of one file of tests; each warehouse has a database of its own."""
    with Server(data=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker with the topic that the test's module names: TOPIC and its PARTITIONS."""
    with Broker((request.module.TOPIC,), request.module.PARTITIONS) as running:
        yield running


@pytest.fixture
def small(tmp_path: Path, server: Server, seed: Zygote, broker: Broker, request: pytest.FixtureRequest) -> Small:
    """A warehouse with that topic and the one TABLE of the test's module that is loaded from it."""
    made = Small(tmp_path, server, seed, f"dw_{abs(hash(request.node.name))}")
    made.environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
    table: str = request.module.TABLE
    made.write(f"warehouse/schema/{table.split('IF NOT EXISTS ')[1].split()[0]}.sql", table)
    made.run("migrate")
    return made


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """A migrated warehouse with two business days of sources and nothing loaded."""
    with Server(data=tmp_path / "starrocks", async_delay_ms=5) as server, Broker() as broker:
        sources = Sources(tmp_path / "sources", FIRST_DAY, broker.bootstrap_servers, scale=0.2)
        sources.fill(LAST_DAY)
        environment = {
            "PATH": os.environ["PATH"],
            "STARROCKS_HOST": "127.0.0.1",
            "STARROCKS_PORT": str(server.mysql_port),
            "STARROCKS_HTTP_PORT": str(server.http_port),
            "STATE_DIR": str(tmp_path / "state"),
            "BACKUP_LOCATION": f"file://{tmp_path / 'backups'}",
            "NIGHTSHIFT_BACKOFF": "0.05",
            "ENVIRONMENT": "demo",
            **sources.settings(),
        }
        made = Night(server, sources, environment)
        made.run("migrate")
        yield made
