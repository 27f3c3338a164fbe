"""Runs every variant several times, one after the other in turn, and writes docs/performance.md from what came out."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import data, report
from emulator.server import Server

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measures, prints, and writes the page unless `--no-write` is given."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--rows", type=int, default=500_000, help="rows of the measured files (default 500,000)")
    options.add_argument("--runs", type=int, default=5, help="runs of each variant, whose median counts (default 5)")
    options.add_argument("--no-write", action="store_true", help="print only, leave docs/performance.md as it is")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        found = measure(Path(folder), asked.rows, asked.runs)
    page = report.page(found)
    print(page)
    if not asked.no_write:
        (REPOSITORY / "docs" / "performance.md").write_text(page, encoding="utf-8")


def _fast_folder() -> str | None:
    """Memory where there is some: no disk is to be measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def measure(folder: Path, rows: int, runs: int) -> report.Found:
    """All variants, each a process of its own."""
    made = data.write(folder, rows)
    expected = data.sums(made)
    found = report.Found(rows=rows, runs=runs)
    with Server(data=folder / "server") as server:
        loaders = {name: _environment(folder, server, name) for name in data.FORMATS}
        _job(loaders["csv"], "migrate")
        for name, environment in loaders.items():
            found.wrong[name] = _contents(folder, environment, expected)
        with _sink() as port:
            for _ in range(runs):
                for name, environment in loaders.items():
                    path = folder / name / f"sale.{name}"
                    source = path if name != "parquet" else folder / "csv" / "sale.csv"
                    found.add(f"curl {name}", _curl(source, port))
                    seconds, told = _client(environment, port)
                    found.add(name, seconds)
                    found.peak[name] = max(found.peak.get(name, 0), told["peak_mb"])
                    assert (told["rows"], told["rejects"]) == (rows, 0), told
                    found.bytes[name] = path.stat().st_size
        _whole_jobs(folder, server, found, runs)
    return found


def _whole_jobs(folder: Path, server: Server, found: report.Found, runs: int) -> None:
    """Jobs to their end through the embedded server: one row, and a night on which nothing is new."""
    (folder / "one").mkdir()
    environment = _environment(folder, server, "one", "*.csv")
    header = (folder / "csv" / "sale.csv").open(encoding="utf-8").readline()
    for number in range(runs):
        text = f"{header}{number},2026-11-01,2026-11-01 00:00:00.000,1,P-1,1,0.50,,north,,1\n"
        (folder / "one" / f"{number}.csv").write_text(text, encoding="utf-8")
        found.add("one row", _job(environment, "load_facts", "--force", "--no-notify"))
        found.add("nothing new", _job(environment, "load_facts", "--force", "--no-notify"))
        found.add("python", _timed([sys.executable, "-c", "pass"], environment))
    shutil.rmtree(folder / "one")


def _contents(folder: Path, environment: dict[str, str], expected: dict[str, str]) -> list[str]:
    """The columns whose sums are not those of the source, after a load into a sink that keeps the bodies."""
    kept = folder / "kept"
    with _sink(kept) as port:
        _client(environment, port)
    came = data.sums(data.of_body(kept))
    kept.unlink()
    return [name for name, value in expected.items() if came.get(name) != value]


@contextmanager
def _sink(kept: Path | None = None) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.sink", *([str(kept)] if kept else [])]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def _environment(folder: Path, server: Server, name: str, glob: str = "sale.*") -> dict[str, str]:
    """A warehouse of one table; its database is shared by all variants."""
    warehouse = folder / f"warehouse_{name}"
    (warehouse / "schema").mkdir(parents=True)
    for ledger in (REPOSITORY / "schema").glob("ops_*.sql"):
        shutil.copy(ledger, warehouse / "schema")
    (warehouse / "schema" / "fact_sale.sql").write_text(data.TABLE.format(glob=glob), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NIGHTSHIFT_PYTHON": sys.executable,
        "STARROCKS_HOST": "127.0.0.1",
        "STARROCKS_PORT": str(server.mysql_port),
        "STARROCKS_HTTP_PORT": str(server.http_port),
        "WAREHOUSE_DIR": str(warehouse),
        "SOURCE_DIR": str(folder / name),
        "STATE_DIR": str(folder / "state"),
        "SECRETS_DIR": str(folder / "none"),
    }


def _client(environment: dict[str, str], port: int) -> tuple[float, dict[str, int]]:
    command = [sys.executable, "-m", "bench.client"]
    given = {**environment, "STARROCKS_HTTP_PORT": str(port)}
    # A word to ./run, and no setting.
    del given["NIGHTSHIFT_PYTHON"]
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=REPOSITORY, env=given, capture_output=True, check=False)
    seconds = time.perf_counter() - begun
    if ended.returncode:
        raise SystemExit(ended.stderr.decode())
    return seconds, json.loads(ended.stdout)


def _curl(path: Path, port: int) -> float:
    curl = shutil.which("curl")
    if not curl:
        raise SystemExit("bench: curl is not installed; it is the limit that everything is compared with")
    return _timed([curl, "-sS", "-o", os.devnull, "-T", str(path), f"http://127.0.0.1:{port}/body"], dict(os.environ))


def _job(environment: dict[str, str], *command: str) -> float:
    return _timed([str(REPOSITORY / "run"), *command], environment)


def _timed(command: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    if ended.returncode:
        raise SystemExit(f"bench: {' '.join(command[:2])} ended with {ended.returncode}\n{ended.stderr.decode()}")
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
