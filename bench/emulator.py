"""How fast the embedded server is, as ratios to what DuckDB does alone with the same file in the same run.

`python -m bench.emulator [--rows N]`: Stream Load of CSV, enclosed CSV and a JSON array end to end over HTTP, an upsert
into a large primary-key table, `select 1` while a load runs, the start. A ratio of 1 is DuckDB reading the same
file into a table by itself; seconds of different days or machines say little, ratios say what the server adds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pymysql
import requests

from emulator.server import Server

MEMORY = Path("/dev/shm")  # no disk is to be measured
COLUMNS = ("trade_id", "match_seq", "buy_order_id", "sell_order_id", "buy_user_id", "sell_user_id", "price", "quantity")
TYPES = {**dict.fromkeys(COLUMNS, "BIGINT"), "settled_on": "DATE", "settled_at": "TIMESTAMP"}
MADE = (
    "select {first} + i as trade_id, i as match_seq, i * 2 as buy_order_id, i % 5000 as sell_order_id,"
    " i % 7000 as buy_user_id, i % 300 as sell_user_id, (i * 37) % 100000 as price, (i * 3) % 1000 as quantity,"
    " date '2026-01-01' + cast(i % 30 as integer) as settled_on,"
    " timestamp '2026-01-01 00:00:00' + interval (i) second as settled_at from range({rows}) t(i)"
)
COPIES = {
    "csv": "format csv, header false",
    "enclosed": "format csv, header false, force_quote *",
    "json": "format json, array true",
}
HEADERS = {
    "csv": {"column_separator": ","},
    "enclosed": {"column_separator": ",", "enclose": '"'},
    "json": {"format": "json", "strip_outer_array": "true", "ignore_json_size": "true"},
}


@dataclass(frozen=True)
class Bench:
    """A running server, a folder for files and the number of rows of a file."""

    server: Server
    folder: Path
    rows: int

    def sql(self, text: str) -> None:
        port = self.server.mysql_port
        with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection, connection.cursor() as cursor:
            cursor.execute(text)

    def table(self, name: str, model: str) -> None:
        """An empty table of trades."""
        kinds = {"TIMESTAMP": "datetime"}
        columns = ", ".join(f"{column} {kinds.get(kind, kind)} not null" for column, kind in TYPES.items())
        self.sql(f"create table bench.{name} ({columns}) {model} key (trade_id) distributed by hash (trade_id)")

    def file(self, kind: str, first: int = 0, rows: int = 0) -> Path:
        """A file of trades whose keys begin at `first`."""
        path = self.folder / f"{kind}_{first}_{rows or self.rows}"
        if not path.exists():
            made = MADE.format(first=first, rows=rows or self.rows)
            duckdb.execute(f"copy ({made}) to '{path}' ({COPIES[kind]})")
        return path

    def load(self, table: str, kind: str, path: Path) -> float:
        """Seconds of a Stream Load at the BE's port, from the first byte to the answer."""
        url = f"http://127.0.0.1:{self.server.be_http_port}/api/bench/{table}/_stream_load"
        start = time.perf_counter()
        with path.open("rb") as body:
            answer = requests.put(url, data=body, headers=HEADERS[kind], auth=("root", ""), timeout=600).json()
        if answer["Status"] != "Success":
            raise SystemExit(f"bench: {answer['Message']}")
        return time.perf_counter() - start

    def alone(self, kind: str, path: Path) -> float:
        """Seconds that DuckDB needs to read the file into a table of a database file."""
        columns = "{" + ", ".join(f"{name}: '{type_}'" for name, type_ in TYPES.items()) + "}"
        if kind == "json":
            source = f"read_json('{path}', format = 'array', columns = {columns})"
        else:
            source = f"read_csv('{path}', header = false, auto_detect = false, delim = ',', columns = {columns})"
        target = self.folder / f"alone_{kind}.duckdb"
        with duckdb.connect(str(target)) as connection:
            start = time.perf_counter()
            connection.execute(f"create or replace table t as select * from {source}")
            spent = time.perf_counter() - start
        target.unlink()
        return spent


def loads(bench: Bench, runs: int) -> dict[str, float]:
    """A line for each kind of body; give the seconds that DuckDB alone needs."""
    baseline = {}
    for kind in HEADERS:
        path = bench.file(kind)
        own, alone = [], []
        for run in range(runs):
            bench.table(f"{kind}_{run}", "duplicate")
            own.append(bench.load(f"{kind}_{run}", kind, path))
            alone.append(bench.alone(kind, path))
        baseline[kind] = min(alone)
        told(f"Stream Load, {kind}", min(own), baseline[kind], bench.rows)
    return baseline


def upsert(bench: Bench, alone: float) -> None:
    """Rows into a primary-key table of ten times as many, half of them new."""
    bench.table("large", "primary")
    bench.load("large", "csv", bench.file("csv", 0, bench.rows * 10))
    path = bench.file("csv", bench.rows * 19 // 2)
    told(f"upsert into {bench.rows * 10} rows", bench.load("large", "csv", path), alone, bench.rows)


def latency(bench: Bench) -> None:
    """`select 1` beside a load."""
    bench.table("beside", "duplicate")
    thread = threading.Thread(target=bench.load, args=("beside", "json", bench.file("json")))
    seconds: list[float] = []
    with pymysql.connect(host="127.0.0.1", port=bench.server.mysql_port, user="root") as connection:
        thread.start()
        while thread.is_alive():
            seconds.append(_timed(lambda: connection.query("select 1")))
    print(f"{'select 1 while a load runs':34} median {statistics.median(seconds) * 1000:.2f} ms of {len(seconds)}")


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def told(what: str, seconds: float, alone: float, rows: int) -> None:
    """Print one line."""
    print(f"{what:34} {rows / seconds / 1e6:6.2f} M rows/s   {seconds / alone:5.2f} x DuckDB alone ({alone:.2f} s)")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m bench.emulator", description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000, help="rows of a file (default 1,000,000)")
    options.add_argument("--runs", type=int, default=3, help="runs of each load, the best counts (default 3)")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        server = Server(data=folder / "server", async_delay_ms=0)
        print(f"{'start':34} {_timed(server.start):.2f} s")
        try:
            bench = Bench(server, folder, asked.rows)
            bench.sql("create database bench")
            alone = loads(bench, asked.runs)
            upsert(bench, alone["csv"])
            latency(bench)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
