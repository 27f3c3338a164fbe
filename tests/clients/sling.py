# /// script
# dependencies = ["sling-linux-amd64==1.4.11", "pymysql==1.2.4"]
# [tool.client]
# package = "sling-linux-amd64"
# runs = "full refresh and upsert of CSV into StarRocks by Stream Load, and out of it again"
# ///
"""sling's Linux program: copies between files and databases."""

import csv
import json
import os
import subprocess
import sysconfig
from pathlib import Path

from programme import HOST, HTTP_PORT, PORT, SCRATCH, check, connect, rows, run

PROGRAM = Path(sysconfig.get_path("purelib")) / "sling_linux_amd64" / "bin" / "sling-linux-amd64"
TARGET = json.dumps(
    {"type": "starrocks", "host": HOST, "port": PORT, "user": "root", "password": "", "database": "lake",
     "fe_url": f"http://root:@{HOST}:{HTTP_PORT}"}
)  # fmt: skip


def sling(*arguments: str) -> None:
    """Run sling. Raises AssertionError with the last line when it fails."""
    command = [str(PROGRAM), "run", *arguments]
    environment = {**os.environ, "LAKE": TARGET, "SLING_DISABLE_TELEMETRY": "true", "SLING_HOME_DIR": str(SCRATCH)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, stdin=subprocess.DEVNULL
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, (done.stdout + done.stderr).strip().splitlines()[-3:]


def source(*lines: tuple[object, ...]) -> str:
    path = SCRATCH / "people.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("id", "name", "balance", "seen_at"), *lines])
    return f"file://{path}"


@check
def a_full_refresh_makes_and_fills_the_table() -> None:
    PROGRAM.chmod(0o755)
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database lake")
        # sling sends DDL between BEGIN and COMMIT, which StarRocks refuses from 3.5 on unless it is told so
        cursor.execute("set global enable_sql_transaction = false")
    file = source((1, "Ada", "1.50", "2026-01-01 10:00:00"), (2, 'é, "quoted"', "", "2026-01-02 00:00:00"))
    sling("--src-stream", file, "--tgt-conn", "LAKE", "--tgt-object", "lake.people", "--mode", "full-refresh")
    found = rows("select id, name, cast(balance as double), cast(seen_at as varchar) from lake.people order by id")
    second = (2, 'é, "quoted"', None, "2026-01-02 00:00:00")
    assert found == [(1, "Ada", 1.5, "2026-01-01 10:00:00"), second], found


@check
def a_second_full_refresh_replaces_the_rows() -> None:
    file = source((1, "Ada", "1", "2026-01-01 10:00:00"), (3, "Grace", "3", "2026-01-03 00:00:00"))
    sling("--src-stream", file, "--tgt-conn", "LAKE", "--tgt-object", "lake.people", "--mode", "full-refresh")
    assert rows("select id, name from lake.people order by id") == [(1, "Ada"), (3, "Grace")]


@check
def an_upsert_updates_and_inserts() -> None:
    arguments = ("--tgt-conn", "LAKE", "--tgt-object", "lake.person", "--mode", "incremental", "--primary-key", "id")
    sling("--src-stream", source((1, "Ada", "1", "2026-01-01 10:00:00"), (2, "Bob", "2", "2026-01-01")), *arguments)
    sling("--src-stream", source((2, "Bobby", "5", "2026-01-02"), (4, "Eve", "", "2026-01-02")), *arguments)
    assert rows("select id, name from lake.person order by id") == [(1, "Ada"), (2, "Bobby"), (4, "Eve")]


@check
def truncate_keeps_the_table() -> None:
    file = source((9, "Zoe", "9", "2026-01-09 00:00:00"))
    sling("--src-stream", file, "--tgt-conn", "LAKE", "--tgt-object", "lake.people", "--mode", "truncate")
    assert rows("select id, name from lake.people") == [(9, "Zoe")]


@check
def rows_come_out_again() -> None:
    target = SCRATCH / "out.csv"
    sling("--src-conn", "LAKE", "--src-stream", "select id, name from lake.person order by id",
          "--tgt-object", f"file://{target}")  # fmt: skip
    with target.open() as file:
        assert list(csv.reader(file)) == [["id", "name"], ["1", "Ada"], ["2", "Bobby"], ["4", "Eve"]]


if __name__ == "__main__":
    run()
