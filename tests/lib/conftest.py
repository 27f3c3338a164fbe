"""What the tests of lib share: settings of their own, and a way to run a few lines as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lib import settings as settings_module
from tests.lib.scripted_starrocks import Cluster

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = ("STARROCKS_", "NOTIFY_", "NIGHTSHIFT_", "OTEL_", "TRACE", "CONNECTION_", "BACKUP_", "KAFKA_")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Sets settings for one test, in this process: `environment(STARROCKS_USER="x")`."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        settings_module.settings.cache_clear()

    change(STARROCKS_HOST="127.0.0.1", STATE_DIR=tmp_path)
    yield change
    settings_module.settings.cache_clear()


@pytest.fixture
def cluster(environment: Callable[..., None]) -> Iterator[Cluster]:
    """A scripted StarRocks, to which the settings point."""
    cluster = Cluster()
    environment(STARROCKS_HTTP_PORT=cluster.fe.port, STARROCKS_USER="loader", STARROCKS_PASSWORD="pä:ss")
    yield cluster
    cluster.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python text as a process with a small environment; stdout and stderr as text."""

    def start(code: str, environ: Mapping[str, str] | None = None, **options: object) -> object:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "STATE_DIR": str(tmp_path)}
        env |= {"STARROCKS_HOST": "127.0.0.1", **(environ or {})}
        given: dict[str, object] = {"capture_output": True, "text": True, "timeout": 60, **options}
        command = [sys.executable, "-c", textwrap.dedent(code)]
        return subprocess.run(command, env=env, cwd=tmp_path, check=False, **given)  # type: ignore[call-overload]

    return start  # type: ignore[return-value]
