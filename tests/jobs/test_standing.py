"""A bad row that is met again every night is told of once: it waits in quarantine, and is counted as before."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator.server import Server
from tests.jobs.conftest import LONGEST_SECONDS, Completed, Started
from tests.jobs.stalling import StallingWire

SALE = """\
-- purpose: a test
-- owner: me
-- source: sql shop: sale
-- refresh: incremental, morning
-- key: sale_id
-- watermark: sold_at, sale_id
-- lateness: 2 days
-- tolerate: 1 row

CREATE TABLE IF NOT EXISTS fact_sale (sale_id BIGINT NOT NULL, quantity TINYINT NOT NULL, sold_at DATETIME NOT NULL)
PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
COUNT = """\
-- purpose: a test
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: count_id
-- tolerate: 1 row

CREATE TABLE IF NOT EXISTS fact_count (count_id BIGINT NOT NULL, pieces INT NOT NULL)
PRIMARY KEY (count_id) DISTRIBUTED BY HASH (count_id) BUCKETS 1;
"""


@dataclass
class Shop:
    """An operational table whose rows have no fixed type, and a warehouse that is stricter."""

    folder: Path
    server: Server
    run: Callable[..., Completed]
    start: Callable[..., Started]
    sql: Callable[..., list[dict[str, Any]]]

    def sells(self, *rows: tuple[int, object]) -> None:
        """Rows of the operational table: (id, quantity), each of an hour of its own."""
        with closing(sqlite3.connect(self.folder / "shop.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS sale (sale_id INTEGER PRIMARY KEY, quantity, sold_at)")
            values = [(number, quantity, f"2026-10-05 {number:02}:00:00") for number, quantity in rows]
            database.executemany("INSERT OR REPLACE INTO sale VALUES (?, ?, ?)", values)

    def load(self, *options: str) -> tuple[int, dict[str, int]]:
        """Exit code and counts of a night."""
        done = self.run("load_facts", "--force", "--only", "fact_sale", *options)
        return done.exit_code, done.document["rows"]

    def aside(self) -> list[tuple[str, str, int, str]]:
        """What the quarantine holds: value, reason, whether its load was accepted, state."""
        rows = self.sql("SELECT value, reason, accepted, state FROM ops_quarantine ORDER BY coordinates, value")
        return [(row["value"], row["reason"], row["accepted"], row["state"]) for row in rows]


@pytest.fixture
def shop(
    server: Server,
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    start_job: Callable[..., Started],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> Shop:
    warehouse_dir({"schema/fact_sale.sql": SALE, "schema/fact_count.sql": COUNT})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    (tmp_path / "sources").mkdir()
    assert run_job("migrate").exit_code == 0
    made = Shop(tmp_path, server, run_job, start_job, sql)
    made.sells((1, 10), (2, "many"))
    return made


def counts(read: int, loaded: int, repeated: int, quarantined: int, standing: int) -> dict[str, int]:
    names = ("read", "loaded", "repeated", "quarantined", "standing")
    return dict(zip(names, (read, loaded, repeated, quarantined, standing), strict=True))


def test_a_row_that_waits_is_no_new_warning_and_a_changed_one_is(shop: Shop) -> None:
    assert shop.load() == (3, counts(2, 1, 0, 1, 0))
    (first,) = shop.sql("SELECT * FROM ops_quarantine")
    assert shop.load() == (0, counts(2, 0, 1, 1, 1))
    assert shop.sql("SELECT * FROM ops_quarantine") == [first]
    last = "ORDER BY started_at DESC, run_id DESC LIMIT 1"
    (run,) = shop.sql(f"SELECT state, rows_quarantined, rows_standing FROM ops_job_run WHERE job = 'load_facts' {last}")
    assert run == {"state": "done", "rows_quarantined": 1, "rows_standing": 1}
    assert shop.sql("SELECT sum(rows_standing) AS n FROM ops_load")[0]["n"] == 1
    assert shop.run("quarantine").document["quarantine"][0]["rows_aside"] == 1, "somebody still has to look at it"
    shop.sells((2, "lots"))
    assert shop.load() == (3, counts(2, 0, 1, 1, 0))
    assert shop.load() == (0, counts(2, 0, 1, 1, 1))
    assert shop.aside() == [("lots", "type", 1, "waiting"), ("many", "type", 1, "waiting")]


def test_another_fault_of_the_same_row_is_news(shop: Shop, environment: dict[str, str]) -> None:
    assert shop.load() == (3, counts(2, 1, 0, 1, 0))
    path = Path(environment["WAREHOUSE_DIR"]) / "schema" / "fact_sale.sql"
    computed = "-- column: quantity = if(quantity = 'many', NULL, quantity)\n-- tolerate"
    path.write_text(SALE.replace("-- tolerate", computed), encoding="utf-8")
    assert shop.load() == (3, counts(2, 0, 1, 1, 0))
    assert shop.aside() == [("", "null", 1, "waiting")]


def test_a_row_that_waits_still_counts_against_what_the_table_tolerates(shop: Shop) -> None:
    assert shop.load()[0] == 3
    shop.sells((3, "some"))
    assert shop.load() == (1, counts(3, 0, 0, 2, 1))
    assert shop.aside() == [("many", "type", 1, "waiting"), ("some", "type", 0, "waiting")]
    dismissed = shop.run("quarantine", "--dismiss", "--only", "fact_sale", "--because", "they are tests")
    assert dismissed.document["dismissed"] == {"fact_sale": 2}
    assert shop.load() == (0, counts(3, 0, 1, 2, 2))
    assert {state for *_, state in shop.aside()} == {"dismissed"}


def test_what_a_killed_run_has_put_aside_has_been_told_to_nobody(shop: Shop) -> None:
    wire = StallingWire(shop.server.mysql_port, "COMMIT")
    started = shop.start("load_facts", "--force", env={"STARROCKS_PORT": str(wire.port)})
    assert wire.reached.wait(LONGEST_SECONDS)
    started.process.kill()
    started.end()
    wire.die()
    assert shop.aside() == [("many", "type", 1, "waiting")]
    assert shop.load() == (3, counts(2, 1, 0, 1, 0))
    assert shop.load()[0] == 0


def test_a_file_that_is_read_again_tells_nothing_new(shop: Shop) -> None:
    (shop.folder / "sources" / "a.csv").write_text("count_id,pieces\n1,7\n2,many\n", encoding="utf-8")
    count = ("load_history", "--only", "fact_count")
    assert shop.run(*count).exit_code == 3
    for option in ("--rewrite", "--full"):
        again = shop.run(*count, option)
        assert (again.exit_code, again.document["rows"]["standing"]) == (0, 1), option
    replayed = shop.run("quarantine", "--replay", "--only", "fact_count")
    assert (replayed.exit_code, replayed.document["rows"]) == (3, counts(1, 0, 0, 1, 0)), "who asks is told"
    assert shop.run(*count, "--rewrite").exit_code == 0
