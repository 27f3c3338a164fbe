"""PostgreSQL and MariaDB as Debian packages them, each an instance of its own on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class DatabaseServer:
    """A running server with an empty database; `url` is what CONNECTION_<NAME> takes."""

    kind: str
    url: str
    engine: Engine

    def do(self, *statements: str, **values: Any) -> None:
        """Executes statements in one transaction."""
        with self.engine.begin() as opened:
            for statement in statements:
                opened.execute(text(statement), values)

    def transaction(self) -> Any:
        """A connection whose transaction is ended by whoever asks for it."""
        return self.engine.connect()


@contextmanager
def started(kind: str) -> Iterator[DatabaseServer]:
    """Starts a server for the block; the test skips where its programs are missing."""
    folder = Path(tempfile.mkdtemp(prefix=f"nightshift-{kind}-"))
    # PostgreSQL refuses to run as root.
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    begin, url = {"postgresql": _postgresql, "mariadb": _mariadb}[kind](folder, _free_port(), user)
    engine = create_engine(url, poolclass=NullPool)
    process = begin()
    try:
        _wait(engine, process, folder)
        yield DatabaseServer(kind, url, engine)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


Begin = Callable[[], "subprocess.Popen[bytes]"]


def _postgresql(folder: Path, port: int, user: dict[str, Any]) -> tuple[Begin, str]:
    initdb, postgres = _program("initdb"), _program("postgres")
    data = str(folder / "data")
    _made(
        [initdb, "-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], folder, user
    )
    options = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"]
    command = [postgres, "-D", data, "-p", str(port), "-c", "timezone=Asia/Tokyo", *options]
    return lambda: _spawn(command, folder, user), f"postgresql+psycopg://shop@127.0.0.1:{port}/postgres"


def _mariadb(folder: Path, port: int, user: dict[str, Any]) -> tuple[Begin, str]:
    install, server = _program("mariadb-install-db"), _program("mariadbd")
    _made(
        [install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal"],
        folder,
        user,
    )
    command = [
        server,
        "--no-defaults",
        f"--datadir={folder / 'data'}",
        f"--socket={folder / 's'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=32M",
        "--default-time-zone=+09:00",
        f"--pid-file={folder / 'pid'}",
    ]
    return lambda: _spawn(command, folder, user), f"mysql+pymysql://root@127.0.0.1:{port}/test"


def _program(name: str) -> str:
    places = [os.environ["PATH"], "/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if not found:
        pytest.skip(f"{name} is not installed: Debian packages postgresql, mariadb-server")
    return found


def _made(command: list[str], folder: Path, user: dict[str, Any]) -> None:
    with (folder / "made.log").open("wb") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, timeout=60, **user)


def _spawn(command: list[str], folder: Path, user: dict[str, Any]) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(engine: Engine, process: subprocess.Popen[bytes], folder: Path) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with engine.connect():
                return
        except SQLAlchemyError:
            log = (folder / "server.log").read_text(errors="replace")
            assert process.poll() is None and time.monotonic() < deadline, log
            time.sleep(0.1)
