"""What a run that finds nothing new, and one that loads a row, import and ask of the server, and no more than that.

Seconds are measured by bench/; modules and statements are what they are made of, and can be counted.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.test_jobs import HEAVY
from tests.jobs.conftest import LONGEST_SECONDS, REPOSITORY, Completed

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: sale_id

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_id BIGINT NOT NULL, sold_at DATETIME NULL, price DECIMAL(10, 2) NULL, note VARCHAR(20) NULL
) PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
CSV = "sale_id,sold_at,price,note\n{key},2026-11-01 10:00:00,2.50,x\n"
# Runs a job in this process and says what it was made of.
OBSERVED = """
import json, sys
import pymysql
import jobs.__main__

asked, query = [], pymysql.connections.Connection.query

def noted(self, text, *rest):
    asked.append(text.partition("*/ ")[2] or text)
    return query(self, text, *rest)

pymysql.connections.Connection.query = noted
code = jobs.__main__.main(sys.argv[1:])
print(json.dumps({"exit_code": code, "statements": asked, "modules": sorted(sys.modules)}))
"""
# Beside what no job may import at its start: that of sources, formats and ends that these runs have not got.
NEVER = ["stamina", "asyncio", "dotenv", "zstandard", "obstore", "multiprocessing"]
# What it takes to read a row and to send it.
LOADING = [
    "csv",
    "polars",
    "requests",
    "urllib3",
    "http.client",
    "email",
    "lib.stream_load.http",
    "lib.sources._files.csv_text",
]


@dataclass(frozen=True)
class Observed:
    """A job that has ended: its statements without their comment, and the modules that it had imported."""

    statements: list[str]
    modules: set[str]
    printed: str


@pytest.fixture
def observed(
    environment: dict[str, str],
    warehouse_dir: Callable[..., Path],
    run_job: Callable[..., Completed],
    tmp_path: Path,
) -> Callable[..., Observed]:
    """Runs `load_facts` on one table of CSV files, whose folder is SOURCE_DIR."""
    warehouse_dir({"schema/fact_sale.sql": SALE})
    environment["SOURCE_DIR"] = str(tmp_path)
    assert run_job("migrate").exit_code == 0

    def run(*, force: bool = True) -> Observed:
        given = {key: value for key, value in environment.items() if key != "NIGHTSHIFT_PYTHON"}
        command = [sys.executable, "-c", OBSERVED, "load_facts", "--no-notify", *(["--force"] if force else [])]
        done = subprocess.run(
            command, env=given, cwd=REPOSITORY, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        printed, _, last = done.stdout.rstrip().rpartition("\n")
        told = json.loads(last)
        assert told["exit_code"] == 0, done.stderr
        return Observed(
            [re.sub(r"^/\*.*?\*/ ", "", text) for text in told["statements"]], set(told["modules"]), printed
        )

    return run


def test_a_run_that_finds_nothing_new(observed: Callable[..., Observed], tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(CSV.format(key=1), encoding="utf-8")
    observed()
    again = observed()
    assert "nothing new" in again.printed
    assert {*HEAVY, *NEVER, *LOADING} & again.modules == set()
    assert [_shape(text) for text in again.statements] == [
        "SET time_zone",
        "SELECT ops_job_run",
        "INSERT ops_job_run",
        "SELECT tables",
        "SELECT columns",
        "SELECT ops_watermark ops_load",
        "SELECT ops_quarantine ops_load",
        "INSERT ops_job_step",
        "INSERT ops_job_run",
    ]


def test_a_run_that_loads_a_row(observed: Callable[..., Observed], tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(CSV.format(key=1), encoding="utf-8")
    once = observed()
    assert "1 loaded" in once.printed
    assert ({*HEAVY, *NEVER} - {*LOADING}) & once.modules == set()
    assert [_shape(text) for text in once.statements[6:15]] == [
        "CREATE stage",
        "SELECT stage",
        "BEGIN WITH",
        "INSERT fact_sale stage fact_sale",
        "INSERT ops_load",
        "COMMIT",
        "SELECT ops_load",
        "DROP stage",
        "SELECT ops_quarantine ops_load",
    ]
    assert len(once.statements) == 17


def test_predecessors_cost_no_statement(observed: Callable[..., Observed], run_job: Callable[..., Completed]) -> None:
    assert run_job("load_dimensions", "--force").exit_code == 0
    given = observed(force=False)
    assert [_shape(text) for text in given.statements[1:3]] == ["SELECT ops_job_run", "INSERT ops_job_run"]


def _shape(statement: str) -> str:
    """The verb of a statement and its tables in their order, the stage table as such."""
    tables = re.findall(r"(?:FROM|JOIN|INTO|TABLE(?: IF EXISTS)?) ([\w`.]+)", statement)
    names = [table.replace("`", "").rpartition(".")[2] for table in tables]
    shown = ["stage" if name.startswith("s_") else name for name in names]
    return " ".join([statement.split()[0], *(shown or statement.split()[1:2])])
