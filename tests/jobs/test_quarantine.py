"""Rows in quarantine: listed, replayed as they are through the same protocol, dismissed; never read by readers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from examples.broker import Broker
from tests.jobs.conftest import REPOSITORY, Completed, Started

PLACE = """\
-- purpose: where it is sold
-- owner: me
-- source: reference-data/dim_place.csv
-- refresh: full, evening
-- scd: 1
-- key: place

CREATE TABLE IF NOT EXISTS dim_place (place VARCHAR(10) NOT NULL)
PRIMARY KEY (place) DISTRIBUTED BY HASH (place) BUCKETS 1;
"""
SALE = """\
-- purpose: what is sold
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: sale_id
-- tolerate: 3 rows
-- column: total = cast(Quantity AS DECIMAL(10,0)) * cast(Price AS DECIMAL(10,2))
-- column: source_line = _line
-- check: CRITICAL references(place, dim_place.place)

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_date DATE NOT NULL, sale_id BIGINT NOT NULL, place VARCHAR(10) NOT NULL, total DECIMAL(18,2) NOT NULL,
    note VARCHAR(8) NULL, source_line BIGINT NOT NULL
) PRIMARY KEY (sale_date, sale_id) PARTITION BY date_trunc('day', sale_date) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
TRADE = """\
-- purpose: trades
-- owner: me
-- source: kafka trades
-- refresh: incremental, morning
-- key: trade_id
-- watermark: kafka offset
-- tolerate: 3 rows
-- column: trade_date = to_date(to_datetime_ntz(_timestamp, 3))
-- column: settled_at = to_datetime_ntz(_timestamp, 3)
-- column: place = concat(_partition, '/', _offset, '/', _index)

CREATE TABLE IF NOT EXISTS fact_trade (
    trade_date DATE NOT NULL, trade_id LARGEINT NOT NULL, note VARCHAR(8) NULL, settled_at DATETIME NOT NULL,
    place VARCHAR(40) NOT NULL
) PRIMARY KEY (trade_date, trade_id) PARTITION BY date_trunc('day', trade_date)
DISTRIBUTED BY HASH (trade_id) BUCKETS 1;
"""
HEADER = "sale_id,sale_date,place,Quantity,Price,note\n"
GOOD = "1,2026-11-01,north,2,1.50,x"
UNKNOWN_PLACE = '2,2026-11-01,south,3,2.00,"say ""hi"""'
NO_PRICE = "3,2026-11-01,north,1,1.5O,"
LONG_NOTE = "4,2026-11-01,north,1,9.00,much too long"


@dataclass
class Shop:
    """One small warehouse; its bad rows are in quarantine."""

    folder: Path
    run: Callable[..., Completed]
    sql: Callable[..., list[dict[str, Any]]]
    write: Callable[[Mapping[str, str]], Path]

    def drop(self, *lines: str, name: str = "a.csv") -> None:
        (self.folder / "sources").mkdir(exist_ok=True)
        (self.folder / "sources" / name).write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")

    def load(self) -> Completed:
        return self.run("load_facts", "--force")

    def states(self) -> dict[str, str]:
        rows = self.sql("SELECT coordinates, state FROM ops_quarantine ORDER BY coordinates")
        return {row["coordinates"]: row["state"] for row in rows}

    def places(self, *places: str) -> None:
        self.write({"reference-data/dim_place.csv": "place\n" + "".join(f"{place}\n" for place in places)})
        assert self.run("load_reference", "--force").exit_code == 0


@pytest.fixture
def shop(
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> Shop:
    warehouse_dir({"schema/fact_sale.sql": SALE, "schema/dim_place.sql": PLACE})
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    made = Shop(tmp_path, run_job, sql, warehouse_dir)
    made.write({"reference-data/dim_place.csv": "place\nnorth\n"})
    assert run_job("migrate").exit_code == 0
    assert run_job("load_reference", "--force").exit_code == 0
    return made


def test_listed_replayed_and_dismissed(shop: Shop) -> None:
    shop.drop(GOOD, UNKNOWN_PLACE, NO_PRICE, LONG_NOTE)
    assert shop.load().exit_code == 3
    listed = shop.run("quarantine", "--show", "2")
    assert listed.exit_code == 0
    groups = {group["reason"]: group for group in listed.document["quarantine"]}
    assert {reason: (group["column_name"], group["example"]) for reason, group in groups.items()} == {
        "reference": ("place", "a.csv:3"),
        "null": ("total", "a.csv:4"),
        "length": ("note", "a.csv:5"),
    }
    assert {group["rows_replayable"] for group in groups.values()} == {1}
    assert [row["coordinates"] for row in listed.document["shown"]] == ["a.csv:3", "a.csv:4"]
    kept = json.loads(listed.document["shown"][0]["row_text"])
    assert (str(kept["_line"]), kept["note"], kept["Price"]) == ("3", 'say "hi"', "2.00")

    shop.places("north", "south")
    replayed = shop.run("quarantine", "--replay", "--only", "fact_sale")
    assert replayed.exit_code == 3
    assert replayed.document["rows"] == {"read": 3, "loaded": 1, "repeated": 0, "quarantined": 2, "standing": 0}
    (south,) = shop.sql("SELECT total, note, source_line FROM fact_sale WHERE sale_id = 2")
    assert (str(south["total"]), south["note"], south["source_line"]) == ("6.00", 'say "hi"', 3)
    assert shop.states() == {"a.csv:3": "replayed", "a.csv:4": "rejected again", "a.csv:5": "rejected again"}
    assert shop.run("quarantine", "--replay").document["rows"]["read"] == 2, "what was replayed does not come again"

    assert shop.run("quarantine", "--dismiss").exit_code == 2
    assert shop.run("quarantine", "--dismiss", "--reason", "length").exit_code == 2, "nobody has said why"
    dropped = shop.run("quarantine", "--dismiss", "--reason", "length", "--because", "a test")
    assert dropped.document["dismissed"] == {"fact_sale": 1}
    (note,) = shop.sql("SELECT settled_note, settled_run_id FROM ops_quarantine WHERE state = 'dismissed'")
    assert note["settled_note"].endswith(": a test")
    assert note["settled_run_id"] == dropped.document["run_id"]
    assert [group["reason"] for group in shop.run("quarantine").document["quarantine"]] == ["null"]


def test_a_row_that_is_known_to_be_bad_is_dropped_and_its_file_loads(shop: Shop) -> None:
    shop.write({"schema/fact_sale.sql": SALE.replace("-- tolerate: 3 rows\n", "")})
    shop.drop(GOOD, NO_PRICE)
    assert shop.load().exit_code == 1
    (group,) = shop.run("quarantine", "--replay").document["quarantine"]
    assert (group["rows_aside"], group["rows_refused"], group["rows_replayable"]) == (1, 1, 0)
    assert shop.sql("SELECT * FROM fact_sale") == [], "no reader sees a part of a load that was refused"
    assert shop.run("quarantine", "--dismiss", "--only", "fact_sale", "--because", "no price").exit_code == 0
    assert shop.load().document["rows"] == {"read": 2, "loaded": 1, "repeated": 0, "quarantined": 1, "standing": 1}
    assert shop.states() == {"a.csv:3": "dismissed"}


def test_the_rows_of_a_refused_file_are_settled_by_the_corrected_one(shop: Shop) -> None:
    shop.write({"schema/fact_sale.sql": SALE.replace("-- tolerate: 3 rows\n", "")})
    shop.drop(GOOD, NO_PRICE, LONG_NOTE)
    assert shop.load().exit_code == 1
    shop.drop(GOOD, NO_PRICE.replace("O", "0"), LONG_NOTE.replace("much too ", ""))
    assert shop.load().exit_code == 0
    assert set(shop.states().values()) == {"superseded"}
    assert shop.run("quarantine").document["quarantine"] == []


def test_a_message_is_replayed_with_the_place_and_time_of_its_record(shop: Shop, environment: dict[str, str]) -> None:
    shop.write({"schema/fact_trade.sql": TRADE})
    with Broker() as broker:
        environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        trades = [{"trade_id": 2, "note": None}, {"trade_id": 2**64 - 1, "note": "much too long"}]
        producer.produce("trades", json.dumps(trades).encode(), partition=0, timestamp=1_793_577_599_500)
        producer.produce("trades", b'{"trade_id": 3', partition=0, timestamp=1_793_577_599_500)
        producer.flush(30)
        assert shop.run("migrate").exit_code == 0
        assert shop.run("load_facts", "--force", "--only", "fact_trade").exit_code == 3
    # The broker is gone; what was kept is enough.
    shop.write({"schema/fact_trade.sql": TRADE.replace("-- tolerate", "-- column: note = left(note, 4)\n-- tolerate")})
    replayed = shop.run("quarantine", "--replay", "--only", "fact_trade")
    assert replayed.document["rows"] == {"read": 1, "loaded": 1, "repeated": 0, "quarantined": 0, "standing": 0}
    (trade,) = shop.sql("SELECT trade_id, settled_at, place, note FROM fact_trade WHERE trade_id > 2")
    assert (int(trade["trade_id"]), trade["place"], trade["note"]) == (2**64 - 1, "0/0/1", "much")
    assert str(trade["settled_at"]) == "2026-11-01 23:59:59.500000"
    (poison,) = replayed.document["quarantine"]
    assert (poison["rows_aside"], poison["rows_replayable"]) == (1, 0), "a message that is no JSON can only be shown"


def test_killed_at_any_instant_and_run_again_it_gives_the_same(shop: Shop, start_job: Callable[..., Started]) -> None:
    shop.drop(GOOD, UNKNOWN_PLACE, NO_PRICE)
    assert shop.load().exit_code == 3
    shop.places("north", "south")
    began = time.monotonic()
    shop.run("quarantine", "--dry-run", "--replay")
    once = time.monotonic() - began
    for share in (0.6, 0.8, 1.0):
        started = start_job("quarantine", "--replay")
        time.sleep(once * share)
        started.process.kill()
        started.end()
    assert shop.run("quarantine", "--replay").exit_code == 3
    assert [row["sale_id"] for row in shop.sql("SELECT sale_id FROM fact_sale ORDER BY sale_id")] == [1, 2]
    assert shop.states() == {"a.csv:3": "replayed", "a.csv:4": "rejected again"}


def test_nothing_that_readers_see_reads_the_quarantine() -> None:
    folders = ("views", "aggregates", "rls-policies", "reference-data")
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.sql")]
    assert len(files) > 3
    readers = [path.name for path in files if re.search(r"\bops_quarantine\b", path.read_text(encoding="utf-8"))]
    assert readers == [], "rows as they were read may hold anything; nobody but the jobs reads them"
