"""Days that differ from the source are found and read again; days that do not are left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import Completed

ITEM = """\
-- purpose: a test
-- owner: me
-- source: sql shop: item
-- refresh: incremental, evening
-- scd: 1
-- key: id
-- watermark: updated_at, id
-- lateness: 1 hour
-- reconcile: 3 days

CREATE TABLE IF NOT EXISTS dim_item (
    id BIGINT NOT NULL, name VARCHAR(20) NULL, price DECIMAL(10, 2) NULL, sold BOOLEAN NULL, day DATE NULL,
    updated_at DATETIME NOT NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
ROWS = [
    (1, "a", 1.5, 1, "2026-10-01", "2026-10-01 10:00:00"),
    (2, None, None, None, None, "2026-10-02 10:00:00"),
    (3, "ü", 0.1, 0, "2026-10-03", "2026-10-03 10:00:00"),
    (4, "", 0.3, 0, "2026-10-03", "2026-10-03 11:00:00"),
]
Load = Callable[..., Completed]


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., None]:
    """Executes statements in the source."""

    def execute(statement: str, *rows: tuple[Any, ...]) -> None:
        with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
            database.executemany(statement, rows or [()])

    return execute


@pytest.fixture
def load(
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Load,
    environment: dict[str, str],
    tmp_path: Path,
    change: Callable[..., None],
) -> Load:
    """Loads the dimension from a source that has the rows above; they are loaded already."""
    warehouse_dir({"schema/dim_item.sql": ITEM})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    change("CREATE TABLE item (id INTEGER PRIMARY KEY, name, price, sold, day, updated_at)")
    change("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)", *ROWS)
    assert run_job("migrate").exit_code == 0
    assert run_job("load_dimensions", "--force").document["rows"]["loaded"] == 4
    return lambda *options: run_job("load_dimensions", "--force", *options)


def test_nothing_is_read_again_when_nothing_differs_in_the_days_asked_for(
    load: Load, change: Callable[..., None], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    change("INSERT INTO item VALUES (5, 'old', 1, 1, NULL, '2026-09-30 09:00:00')")
    again = load()
    assert (again.exit_code, again.document["notes"]) == (0, [])
    assert '"event": "reconciled"' in again.stderr
    assert sql("SELECT part FROM ops_load WHERE part <> ''") == []


def test_rows_behind_the_watermark_are_found(
    load: Load, change: Callable[..., None], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    change("INSERT INTO item VALUES (5, 'late', 1, 1, NULL, '2026-10-02 09:00:00')")
    change("UPDATE item SET price = 0 WHERE id = 1")
    found = load()
    assert found.exit_code == 0
    assert found.document["notes"] == [
        "WARNING: dim_item: days 2026-10-01, 2026-10-02 differed from the source, read again"
    ]
    assert found.document["rows"]["loaded"] == 2
    parts = {row["part"] for row in sql("SELECT part FROM ops_load WHERE part <> ''")}
    assert parts == {"2026-10-01T00:00:00/2026-10-02T00:00:00", "2026-10-02T00:00:00/2026-10-03T00:00:00"}
    assert load().document["notes"] == []


def test_a_row_that_the_source_deleted_stays_and_is_told_of(load: Load, change: Callable[..., None]) -> None:
    change("DELETE FROM item WHERE id = 1")
    told = load()
    assert told.exit_code == 0
    assert "day 2026-10-01 still not as in the source: rows deleted" in told.document["notes"][1]
