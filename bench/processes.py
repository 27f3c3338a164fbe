"""The processes of the benchmark, each with settings of its own: jobs, half a load, the sink, curl, sling."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator.server import Server

REPOSITORY = Path(__file__).resolve().parents[1]
# Where tests/clients/run puts it.
_SLING = "clients/venvs/sling/*/lib/python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64"


@contextmanager
def sink(kept: Path | None = None) -> Iterator[int]:
    """The port of a sink that runs for the block; the bodies are kept in a file, if one is given."""
    command = [sys.executable, "-m", "bench.sink", *([str(kept)] if kept else [])]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def environment(folder: Path, server: Server, name: str, tables: Mapping[str, str]) -> dict[str, str]:
    """The settings of a warehouse with these tables (name -> file) beside the ledger; all share one database."""
    schema = folder / f"warehouse_{name}" / "schema"
    schema.mkdir(parents=True)
    for ledger in (REPOSITORY / "schema").glob("ops_*.sql"):
        shutil.copy(ledger, schema)
    for table, text in tables.items():
        (schema / f"{table}.sql").write_text(text, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NIGHTSHIFT_PYTHON": sys.executable,
        "STARROCKS_HOST": "127.0.0.1",
        "STARROCKS_PORT": str(server.mysql_port),
        "STARROCKS_HTTP_PORT": str(server.http_port),
        "WAREHOUSE_DIR": str(schema.parent),
        "SOURCE_DIR": str(folder / name),
        "STATE_DIR": str(folder / "state"),
        "SECRETS_DIR": str(folder / "none"),
    }


def client(environment: Mapping[str, str], port: int, *arguments: str) -> tuple[float, dict[str, Any]]:
    """Seconds of the client's half of a load into the sink at `port`, whole process, and what it printed."""
    begun = time.perf_counter()
    said = module({**environment, "STARROCKS_HTTP_PORT": str(port)}, "bench.client", *arguments)
    return time.perf_counter() - begun, json.loads(said)


def module(environment: Mapping[str, str], name: str, *arguments: str) -> bytes:
    """What `python -m NAME ...` prints."""
    # A word to ./run, and no setting.
    given = {key: value for key, value in environment.items() if key != "NIGHTSHIFT_PYTHON"}
    return _timed([sys.executable, "-m", name, *arguments], given)[1]


def job(environment: Mapping[str, str], *command: str) -> float:
    """Seconds of `./run JOB ...`."""
    return _timed([str(REPOSITORY / "run"), *command], environment)[0]


def python(environment: Mapping[str, str]) -> float:
    """Seconds of a Python that does nothing."""
    return _timed([sys.executable, "-c", "pass"], environment)[0]


def curl(path: Path, port: int) -> float:
    """Seconds of `curl -T` of a file into the sink."""
    program = shutil.which("curl")
    if not program:
        raise SystemExit("bench: curl is not installed; it is the limit that everything is compared with")
    return _timed([program, "-sS", "-o", os.devnull, "-T", str(path), f"http://127.0.0.1:{port}/body"], os.environ)[0]


def sling() -> Path | None:
    """sling's program: $SLING, on the PATH, or where `tests/clients/run sling` has installed it; None without one."""
    named = os.environ.get("SLING") or shutil.which("sling")
    return Path(named) if named else next(iter(sorted((REPOSITORY / ".state").glob(_SLING))), None)


def sling_load(program: Path, path: Path, server: Server, port: int, folder: Path) -> float:
    """Seconds that sling takes to send a CSV: statements go to the server, the rows into the sink.

    In the end it counts the rows of its table, finds none, as a sink keeps nothing, and stops.
    """
    target = {"type": "starrocks", "host": "127.0.0.1", "port": server.mysql_port, "user": "root", "password": ""}
    target |= {"database": "dw", "fe_url": f"http://root:@127.0.0.1:{port}"}
    given = {
        **os.environ,
        "TARGET": json.dumps(target),
        "SLING_HOME_DIR": str(folder),
        "SLING_DISABLE_TELEMETRY": "true",
    }
    source = ["--src-stream", f"file://{path}", "--tgt-conn", "TARGET", "--tgt-object", "dw.sling_sale"]
    command = [str(program), "run", *source, "--mode", "full-refresh"]
    begun = time.perf_counter()
    ended = subprocess.run(command, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if "table count (0) != stream count" not in ended.stdout + ended.stderr:
        raise SystemExit(f"bench: sling did not send the rows\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return seconds


def _timed(command: list[str], environment: Mapping[str, str]) -> tuple[float, bytes]:
    begun = time.perf_counter()
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    seconds = time.perf_counter() - begun
    if ended.returncode:
        said = (ended.stdout[-2000:] + ended.stderr[-2000:]).decode(errors="replace")
        raise SystemExit(f"bench: {' '.join(command[:3])} ended with {ended.returncode}\n{said}")
    return seconds, ended.stdout
