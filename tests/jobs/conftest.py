"""Jobs are tested as what they are: processes, started by ./run, against a server that answers on sockets.

A test gets a database of its own on a server that its module shares, a warehouse of its own in `tmp_path`, and an
environment that holds nothing of the machine's.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
from pymysql.cursors import DictCursor

from emulator import async_jobs
from emulator.server import Server
from tests.jobs.lossy import LossyWire
from tests.jobs.processes import LONGEST_SECONDS, REPOSITORY, Completed, Started
from tests.jobs.small_warehouse import Night, a_night, migrated
from tests.lib.scripted_starrocks import Listener, Play, http

__all__ = ["LONGEST_SECONDS", "REPOSITORY", "Completed", "Started"]

_numbers = itertools.count(1)

Environment = Mapping[str, str]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An embedded server for the tests of one file; asynchronous statements are seen on their way."""
    with Server(data=tmp_path_factory.mktemp("server"), async_delay_ms=100) as running:
        yield running


@pytest.fixture
def delay(server: Server) -> Iterator[Callable[[float], None]]:
    """Sets how many seconds each state of an asynchronous statement lasts, for one test."""
    jobs = async_jobs.of(server.engine)
    usual = jobs.delay_seconds

    def change(seconds: float) -> None:
        jobs.delay_seconds = seconds
        server.async_delay_ms = int(seconds * 1000)

    yield change
    change(usual)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits until a condition is true, and returns what made it so."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come"
            time.sleep(0.05)
        return found

    return wait


@pytest.fixture
def losing(server: Server) -> Iterator[Callable[[str], dict[str, str]]]:
    """The settings of a job that never sees the answer to the first statement with a text in it."""
    wires: list[LossyWire] = []

    def settings(marker: str) -> dict[str, str]:
        wires.append(LossyWire(server.mysql_port, marker))
        return {"STARROCKS_PORT": str(wires[-1].port)}

    yield settings
    for wire in wires:
        wire.close()
        assert wire.lost.is_set(), "the statement whose answer was to be lost never came"


@pytest.fixture
def database() -> str:
    """The name of this test's database; the stage database is called the same with _stage."""
    return f"dw_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def environment(server: Server, database: str, tmp_path: Path) -> dict[str, str]:
    """All that a job of this test sees of its surroundings; a test may put more into it."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "NIGHTSHIFT_PYTHON": sys.executable,
        "STARROCKS_HOST": "127.0.0.1",
        "STARROCKS_PORT": str(server.mysql_port),
        "STARROCKS_HTTP_PORT": str(server.http_port),
        "STARROCKS_DATABASE": database,
        "STARROCKS_STAGE_DATABASE": f"{database}_stage",
        "STATE_DIR": str(tmp_path / "state"),
        "SECRETS_DIR": str(tmp_path / "no-secrets"),
        "WAREHOUSE_DIR": str(tmp_path / "warehouse"),
        "NIGHTSHIFT_ATTEMPTS": "3",
        "NIGHTSHIFT_BACKOFF": "0.05",
        "NIGHTSHIFT_LOG": "json",
    }


@pytest.fixture
def warehouse_dir(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Writes the files of a warehouse, by their paths in it; the ledger's tables are those of the repository."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "warehouse"
        schema = folder / "schema"
        schema.mkdir(parents=True, exist_ok=True)
        for ledger in (REPOSITORY / "schema").glob("ops_*.sql"):
            shutil.copy(ledger, schema)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def start_job(environment: dict[str, str]) -> Iterator[Callable[..., Started]]:
    """Starts `./run JOB ... --json`; what still runs at the end of the test is killed."""
    started: list[Started] = []

    def start(name: str, *args: str, env: Environment | None = None) -> Started:
        process = subprocess.Popen(
            [str(REPOSITORY / "run"), name, *args, "--json"],
            env={**environment, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(Started(process))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.fixture
def run_job(start_job: Callable[..., Started]) -> Callable[..., Completed]:
    """Runs `./run JOB ... --json` to its end."""
    return lambda name, *args, env=None: start_job(name, *args, env=env).end()


@pytest.fixture
def sql(server: Server, database: str) -> Callable[..., Rows]:
    """Executes one statement in this test's database, or in none while it does not exist, and returns the rows."""

    def execute(text: str, params: Sequence[Any] | None = None) -> Rows:
        with closing(_connect(server, database)) as connection, connection.cursor() as cursor:
            cursor.execute(text, params)
            return list(cursor.fetchall())

    return execute


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """The server of the small warehouse and the folder of its files, for the tests of one file."""
    folder = tmp_path_factory.mktemp("house")
    with migrated(folder) as server:
        yield server, folder / "warehouse"


@pytest.fixture
def night(house: tuple[Server, Path], tmp_path: Path) -> Iterator[Night]:
    """A night of the small warehouse that no other test has."""
    with a_night(*house, tmp_path) as night:
        yield night


@pytest.fixture
def hook() -> Iterator[Listener]:
    """Somebody who is told of runs; `people` says by which settings, and what was received."""
    listener = Listener(lambda _: Play(http("ok")))
    yield listener
    listener.close()


def _connect(server: Server, database: str) -> pymysql.Connection[DictCursor]:
    connection = pymysql.connect(
        host="127.0.0.1",
        port=server.mysql_port,
        user="root",
        charset="utf8mb4",
        autocommit=True,
        cursorclass=DictCursor,
    )
    with connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES LIKE %s", (database,))
        if cursor.fetchone():
            connection.select_db(database)
    return connection
