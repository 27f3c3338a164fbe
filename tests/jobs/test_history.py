"""load_history: what is done is not read again, a table is made anew while it is read, missing days are named."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pymysql
import pytest
from confluent_kafka import Producer
from filelock import FileLock

from emulator.server import Server
from examples.broker import Broker
from tests.jobs.conftest import LONGEST_SECONDS, REPOSITORY, Completed, Started
from tests.jobs.stalling import StallingWire

FACT = """\
-- purpose: what happened
-- owner: me
-- source: {source}
-- refresh: incremental, morning
-- key: sale_id
-- version: version
{more}
CREATE TABLE IF NOT EXISTS {name} (
    sale_date DATE NOT NULL, sale_id BIGINT NOT NULL, version INT NOT NULL, note VARCHAR(20) NULL
) PRIMARY KEY (sale_date, sale_id) PARTITION BY date_trunc('day', sale_date) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
FILES = FACT.format(name="fact_file", source="files *.csv", more="")
SQL = FACT.format(name="fact_row", source="sql shop: sale", more="-- watermark: sold_at, sale_id\n-- lateness: 1 day\n")
KAFKA = FACT.format(name="fact_event", source="kafka events", more="-- watermark: kafka offset\n")
COLUMNS = "sale_date, sale_id, version, note"


@dataclass
class Shop:
    """A small warehouse with a folder of files and a database as sources."""

    folder: Path
    server: Server
    database: str
    run: Callable[..., Completed]
    start: Callable[..., Started]
    sql: Callable[..., list[dict[str, Any]]]

    def drop(self, name: str, *rows: tuple[str, int, str]) -> None:
        """A file for fact_file: (day, id, note)."""
        lines = [f"{day},{number},1,{note}\n" for day, number, note in rows]
        (self.folder / "sources" / name).write_text(
            "sale_date,sale_id,version,note\n" + "".join(lines), encoding="utf-8"
        )

    def sell(self, *rows: tuple[str, int]) -> None:
        """Rows of the operational table: (instant, id)."""
        with closing(sqlite3.connect(self.folder / "shop.db")) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS sale (sale_id INTEGER PRIMARY KEY, sale_date, version, note, sold_at)"
            )
            values = [(number, at[:10], 1, f"n{number}", at) for at, number in rows]
            database.executemany("INSERT OR REPLACE INTO sale VALUES (?, ?, ?, ?, ?)", values)

    def kill_at(self, marker: str, *arguments: str) -> None:
        """Starts load_history and kills it when it sends a statement with this text, which never arrives."""
        wire = StallingWire(self.server.mysql_port, marker)
        started = self.start("load_history", *arguments, env={"STARROCKS_PORT": str(wire.port)})
        assert wire.reached.wait(LONGEST_SECONDS), f"no statement has {marker!r}"
        started.process.kill()
        started.end()
        wire.die()

    def ids(self, table: str) -> list[int]:
        return [row["sale_id"] for row in self.sql(f"SELECT sale_id FROM {table} ORDER BY sale_id")]

    @contextmanager
    def reader(self, table: str) -> Iterator[list[int]]:
        """Somebody who counts the rows all the time; what they saw."""
        seen: list[int] = []
        over = threading.Event()

        def look() -> None:
            with closing(
                pymysql.connect(host="127.0.0.1", port=self.server.mysql_port, user="root", database=self.database)
            ) as connection:
                while not over.is_set():
                    with connection.cursor() as cursor:
                        cursor.execute(f"SELECT count(*) FROM {table}")
                        seen.append(cursor.fetchall()[0][0])
                    over.wait(0.02)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield seen
        finally:
            over.set()
            thread.join()


@pytest.fixture
def shop(
    server: Server,
    database: str,
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    start_job: Callable[..., Started],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> Shop:
    warehouse_dir({"schema/fact_file.sql": FILES, "schema/fact_row.sql": SQL})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    (tmp_path / "sources").mkdir()
    made = Shop(tmp_path, server, database, run_job, start_job, sql)
    made.sell()
    assert run_job("migrate").exit_code == 0
    return made


def test_a_killed_history_goes_on_where_it_was(shop: Shop) -> None:
    shop.sell(
        ("2026-08-15 10:00:00", 1), ("2026-09-10 10:00:00", 2), ("2026-10-05 10:00:00", 3), ("2026-11-01 08:00:00", 4)
    )
    shop.kill_at("'2026-10-01T00:00:00/2026-11-01", "--only", "fact_row")
    assert shop.ids("fact_row") == [1, 2], "whole months, and nothing of the one that was interrupted"
    done = shop.sql("SELECT part, load_id FROM ops_load ORDER BY part")
    again = shop.run("load_history", "--only", "fact_row")
    assert again.document["rows"] == {"read": 2, "loaded": 2, "repeated": 0, "quarantined": 0, "standing": 0}
    assert shop.ids("fact_row") == [1, 2, 3, 4]
    assert shop.sql("SELECT part, load_id FROM ops_load ORDER BY part")[:2] == done
    assert shop.run("load_history", "--only", "fact_row", "--from", "2026-08-01", "--to", "2026-09-01").exit_code == 0


def test_history_and_the_nightly_load_at_once(shop: Shop) -> None:
    for day in range(1, 7):
        shop.drop(f"{day:02}.csv", *((f"2026-10-{day:02}", day * 10 + number, "x") for number in range(5)))
    shop.sell(*((f"2026-{month:02}-15 10:00:00", month) for month in range(1, 11)))
    both = [shop.start("load_history"), shop.start("load_facts", "--force")]
    assert [one.end().exit_code for one in both] == [0, 0]
    assert shop.ids("fact_file") == [day * 10 + number for day in range(1, 7) for number in range(5)]
    assert shop.ids("fact_row") == list(range(1, 11))
    assert shop.run("load_facts", "--force").document["rows"]["loaded"] == 0


def test_two_loads_of_one_table_publish_one_after_the_other(shop: Shop, until: Callable[..., Any]) -> None:
    shop.drop("1.csv", ("2026-10-02", 1, "ours"))
    file = shop.folder / "state" / "locks" / "publish-fact_file.lock"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file, fallback_to_soft=False):
        waiting = shop.start("load_facts", "--force", "--only", "fact_file")
        until(lambda: shop.sql(f"SHOW TABLES FROM {shop.database}_stage"))
        # What a history publishes meanwhile: the same key, of the day before.
        shop.sql(f"INSERT INTO fact_file ({COLUMNS}) VALUES ('2026-10-01', 1, 1, 'theirs')")
    done = waiting.end()
    assert shop.sql("SELECT note FROM fact_file") == [{"note": "theirs"}], "a key is in one partition alone"
    assert (done.exit_code, "(moved)" in done.error) == (1, True)


def test_a_table_is_made_anew_and_its_readers_never_miss_a_row(shop: Shop) -> None:
    for day in (1, 2, 3):
        shop.drop(f"{day}.csv", *((f"2026-10-{day:02}", day * 100 + number, "right") for number in range(50)))
    assert shop.run("load_facts", "--force", "--only", "fact_file").exit_code == 0
    shop.sql("UPDATE fact_file SET note = 'wrong' WHERE sale_id < 300")
    full = ("--only", "fact_file", "--full")
    with shop.reader("fact_file") as seen:
        shop.kill_at("2.csv", *full)
        assert shop.sql("SELECT count(*) AS n FROM fact_file WHERE note = 'wrong'") == [{"n": 100}]
        shop.kill_at("INSERT OVERWRITE", *full)
        shop.drop("4.csv", ("2026-10-05", 400, "right"))
        for marker in ("INSERT INTO `ops_watermark`", "DELETE FROM `ops_load`"):
            shop.kill_at(marker, *full)
        done = shop.run("load_history", *full)
    assert done.exit_code == 0
    assert min(seen) == 150
    assert shop.sql("SELECT note, count(*) AS n FROM fact_file GROUP BY note") == [{"note": "right", "n": 151}]
    assert {row["target"] for row in shop.sql("SELECT target FROM ops_load")} == {"fact_file"}
    assert not [row for row in shop.sql("SHOW TABLES") if "__full" in str(row)]
    assert shop.run("load_facts", "--force", "--only", "fact_file").document["rows"]["read"] == 0


def test_a_source_that_has_lost_rows_replaces_nothing_unless_it_is_meant(shop: Shop) -> None:
    shop.sell(("2026-10-05 10:00:00", 1), ("2026-10-06 10:00:00", 2))
    assert shop.run("load_facts", "--force", "--only", "fact_row").exit_code == 0
    before = shop.sql("SELECT part, position FROM ops_watermark")
    with closing(sqlite3.connect(shop.folder / "shop.db")) as database, database:
        database.execute("DELETE FROM sale WHERE sale_id = 1")
    refused = shop.run("load_history", "--only", "fact_row", "--full")
    assert refused.exit_code == 1
    assert "1 rows have keys that it lacks" in refused.error
    assert shop.ids("fact_row") == [1, 2]
    assert shop.run("load_history", "--only", "fact_row", "--full", "--allow-deletes").exit_code == 0
    assert shop.ids("fact_row") == [2]
    assert shop.sql("SELECT part, position FROM ops_watermark") == before
    assert shop.run("load_history", "--full").exit_code == 2


def test_progress_is_drawn_on_a_terminal_and_logged_elsewhere(shop: Shop, environment: dict[str, str]) -> None:
    shop.drop("1.csv", ("2026-10-01", 1, "x"))
    shop.drop("2.csv", ("2026-10-02", 2, "x"))
    logged = shop.run("load_history", "--only", "fact_file")
    events = [json.loads(line) for line in logged.stderr.splitlines() if line.startswith("{")]
    assert [(e["part"], e["of"], e["rows_read"]) for e in events if e["event"] == "history"] == [(1, 2, 1), (2, 2, 2)]
    ours, theirs = pty.openpty()
    command = [str(REPOSITORY / "run"), "load_history", "--only", "fact_file", "--rewrite"]
    wide = {**environment, "TERM": "xterm", "COLUMNS": "150"}
    process = subprocess.Popen(command, env=wide, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    drawn = b""
    try:
        while block := os.read(ours, 65536):
            drawn += block
    except OSError:
        # The other end is closed: the job is over.
        pass
    assert process.wait(LONGEST_SECONDS) == 0
    assert "2/2" in drawn.decode()
    assert "2 rows" in drawn.decode()
    assert re.search(r"[\d,]+ rows/s, .*0:00:0\d.* left", drawn.decode())


def test_missing_business_days_are_named_for_every_kind_of_source(
    shop: Shop, warehouse_dir: Callable[[Mapping[str, str]], Path], environment: dict[str, str]
) -> None:
    warehouse_dir({"schema/fact_event.sql": KAFKA, "crontab": "0 5 * * * /opt/nightshift/run load_facts\n"})
    shop.drop("1.csv", ("2026-10-01", 1, "x"), ("2026-10-04", 2, "x"))
    shop.sell(("2026-10-01 00:00:00", 1), ("2026-10-02 00:00:00", 2), ("2026-10-04 23:59:59", 3))
    with Broker() as broker:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        broker_client = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        for day, number in ((1, 1), (2, 2), (5, 3)):
            event = {"sale_date": f"2026-10-{day:02}", "sale_id": number, "version": 1, "note": None}
            at = int(datetime(2026, 10, day, tzinfo=UTC).timestamp() * 1000)
            broker_client.produce("events", json.dumps(event).encode(), partition=0, timestamp=at)
        broker_client.flush(30)
        assert shop.run("migrate").exit_code == 0
        assert shop.run("load_history").exit_code == 0
        shop.sql("DELETE FROM fact_event WHERE sale_id = 2")
        told = shop.run("status", "--gaps")
        assert told.exit_code == 0, told
        gaps = told.document["gaps"]
        assert gaps == {
            "fact_event": ["2026-10-02", "2026-10-03", "2026-10-04"],
            "fact_file": ["2026-10-02", "2026-10-03"],
            "fact_row": ["2026-10-03"],
        }
        filled = ("load_history", "--only", "fact_event", "--from", "2026-10-01", "--to", "2026-10-04")
        assert shop.run(*filled, "--rewrite").document["rows"]["loaded"] == 1
        assert shop.run(*filled).document["rows"]["read"] == 0, "a range of offsets that is loaded is not read again"
        assert shop.run("status", "--gaps").document["gaps"]["fact_event"] == ["2026-10-03", "2026-10-04"]


def test_a_range_of_files_is_half_open_and_goes_on_after_a_kill(shop: Shop) -> None:
    for day in range(1, 6):
        shop.drop(f"sales-2026-10-{day:02}.csv", (f"2026-10-{day:02}", day, "x"))
    october = ("--only", "fact_file", "--from", "2026-10-02", "--to", "2026-10-05")
    shop.kill_at("'sales-2026-10-03.csv'", *october)
    assert shop.ids("fact_file") == [2], "one file whole, and nothing of the one that was interrupted"
    assert shop.run("load_history", *october).document["rows"]["read"] == 2
    assert shop.ids("fact_file") == [2, 3, 4]
    assert shop.run("load_history", *october).document["rows"]["read"] == 0
    assert shop.run("load_facts", "--force", "--only", "fact_file").document["rows"]["read"] == 2
    assert shop.ids("fact_file") == [1, 2, 3, 4, 5]


@pytest.fixture
def events(
    shop: Shop, warehouse_dir: Callable[[Mapping[str, str]], Path], environment: dict[str, str]
) -> Iterator[Callable[[int, int, int], None]]:
    """Sends an event: (day of October, id, partition)."""
    warehouse_dir({"schema/fact_event.sql": KAFKA})
    with Broker(("events",), 2) as broker:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        assert shop.run("migrate").exit_code == 0

        def send(day: int, number: int, partition: int) -> None:
            event = {"sale_date": f"2026-10-{day:02}", "sale_id": number, "version": 1, "note": None}
            at = int(datetime(2026, 10, day, tzinfo=UTC).timestamp() * 1000)
            producer.produce("events", json.dumps(event).encode(), partition=partition, timestamp=at)
            producer.flush(30)

        yield send


def test_a_range_of_a_topic_is_half_open_and_goes_on_after_a_kill(
    shop: Shop, events: Callable[[int, int, int], None]
) -> None:
    for day in (1, 2, 3, 8):
        events(day, day, 0)
        events(day, 10 + day, 1)
    first = ("--only", "fact_event", "--from", "2026-10-02", "--to", "2026-10-03")
    shop.kill_at("'events/1'", *first)
    assert shop.ids("fact_event") == [2], "one partition, and nothing of the one that was interrupted"
    assert shop.run("load_history", *first).document["rows"]["loaded"] == 1
    assert shop.ids("fact_event") == [2, 12]
    assert shop.run("load_history", *first).document["rows"]["read"] == 0
    assert shop.sql("SELECT part, position FROM ops_watermark") == [], "a range moves no watermark"
    night = shop.run("load_facts", "--force", "--only", "fact_event")
    assert night.document["rows"] == {"read": 8, "loaded": 6, "repeated": 2, "quarantined": 0, "standing": 0}


def test_a_range_of_a_topic_is_not_taken_for_a_wider_one_with_the_same_offsets(
    shop: Shop, events: Callable[[int, int, int], None]
) -> None:
    for day in (1, 2, 3):
        events(day, day, 0)
    until = ("load_history", "--only", "fact_event", "--from", "2026-10-01", "--to")
    for day, there in (("2026-10-02", [1]), ("2026-10-03", [1, 2]), ("2026-10-04", [1, 2, 3])):
        # Records that are late are looked for a day behind the range, so they read the same messages.
        assert shop.run(*until, day).exit_code == 0
        assert shop.ids("fact_event") == there
        assert shop.run(*until, day).document["rows"]["read"] == 0, "the same range again"
    assert shop.run("load_facts", "--force", "--only", "fact_event").document["rows"]["repeated"] == 3
    (proof,) = (
        check
        for check in shop.run("verify", "--only", "night", "--force").document["verification"]["checks"]
        if check["text"] == "kafka_offsets"
    )
    assert proof["state"] == "passed", "ranges prove nothing and break nothing"
