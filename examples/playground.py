"""A place for the demo: a directory, the embedded server, a broker, and the settings that lead jobs there."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from examples.broker import Broker
from examples.fill import Sources

REPOSITORY = Path(__file__).resolve().parent.parent
MARKER = ".nightshift-demo"
START_SECONDS = 30.0
STOP_SECONDS = 10.0

# Settings that a person may have for a real cluster, in the environment or in `.env`: empty in the demo.
_EMPTY = (
    "STARROCKS_PASSWORD", "STARROCKS_HOST_MAP", "STARROCKS_SSL_CA",
    "NOTIFY_CRITICAL", "NOTIFY_WARNING", "NOTIFY_INFO",
)  # fmt: skip
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM", "NO_COLOR")


class CannotStart(Exception):
    """Something that the demo needs is not there; the message says what."""


@dataclass(frozen=True, slots=True)
class Playground:
    """Everything that runs: where the files are, where the server listens, what the sources are."""

    directory: Path
    ports: dict[str, int]
    sources: Sources

    @property
    def reports(self) -> Path:
        """Where verification writes its reports."""
        return self.directory / "reports"

    def environment(self) -> dict[str, str]:
        """The whole environment of a job: nothing of the person's own settings gets through."""
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("OTEL_")}
        nothing = {f"{name}_FILE": os.devnull for name in _EMPTY}
        return {
            **kept,
            **nothing,
            **self.sources.settings(),
            "ENVIRONMENT": "demo",
            "STARROCKS_HOST": "127.0.0.1",
            "STARROCKS_PORT": str(self.ports["mysql_port"]),
            "STARROCKS_HTTP_PORT": str(self.ports["http_port"]),
            "STARROCKS_USER": "root",
            "STARROCKS_DATABASE": "dw",
            "STARROCKS_STAGE_DATABASE": "dw_stage",
            "WAREHOUSE_DIR": str(REPOSITORY),
            "STATE_DIR": str(self.directory / "state"),
            "REPORT_DIR": str(self.reports),
            "BACKUP_LOCATION": (self.directory / "backups").as_uri(),
        }


@contextmanager
def open_playground(directory: Path, first_day: date, scale: float, seed: int, bad: date) -> Iterator[Playground]:
    """Empties the directory, starts what the demo needs there, and stops it at the end, whatever happens.

    Uses the broker of KAFKA_BOOTSTRAP_SERVERS when that is set. Raises `CannotStart`.
    """
    with ExitStack() as stack:
        stack.enter_context(_held(directory))
        _empty(directory)
        brokers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or stack.enter_context(Broker()).bootstrap_servers
        ports = stack.enter_context(_emulator(directory))
        sources = Sources(directory / "sources", first_day, brokers, scale, seed, frozenset({bad}))
        yield Playground(directory, ports, sources)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    directory.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory.with_name(f"{directory.name}.lock"), timeout=0)
    try:
        with lock:
            yield
    except Timeout:
        raise CannotStart(f"{directory}: another demo runs there; wait for it, or give --directory") from None


def _empty(directory: Path) -> None:
    if directory.exists() and any(directory.iterdir()) and not (directory / MARKER).exists():
        raise CannotStart(f"{directory}: holds files that are not the demo's; give another --directory")
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("", "sources", "state", "reports", "backups", "logs"):
        (directory / name).mkdir(parents=True)
    (directory / MARKER).touch()


@contextmanager
def _emulator(directory: Path) -> Iterator[dict[str, int]]:
    """The embedded server as a process of its own session, so that Ctrl-C reaches the jobs first."""
    words = [
        "--data",
        str(directory / "server"),
        "--mysql-port",
        "0",
        "--http-port",
        "0",
        "--be-http-port",
        "0",
    ]
    log = directory / "logs" / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", *words],
            cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
    try:
        yield _ports(process, log)
    finally:
        _stop(process)


def _ports(process: subprocess.Popen[bytes], log: Path) -> dict[str, int]:
    """The ports that the server prints as one line of JSON when it is ready."""
    stdout = process.stdout
    if stdout is None:
        raise CannotStart("the embedded server was started without a pipe")
    ready, _, _ = select.select([stdout], [], [], START_SECONDS)
    line = stdout.readline() if ready else b""
    if not line:
        why = log.read_text(errors="replace").strip().splitlines()
        raise CannotStart(f"the embedded server did not start: {why[-1] if why else 'no answer'}; see {log}")
    return {name: value for name, value in json.loads(line).items() if name.endswith("_port")}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
