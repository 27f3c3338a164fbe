"""The bridge killed between parts and between partitions, and any range of a topic read again: the same rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from confluent_kafka import Producer

from examples.broker import Broker
from lib.sources.kafka import PART_OFFSETS
from tests.e2e.act_wire import ActWire, Side
from tests.e2e.small import Small

TOPIC, PARTITIONS = "visit", 2
TABLE = """\
-- purpose: what happens
-- owner: me
-- source: kafka visit
-- refresh: incremental, morning
-- key: visit_id
-- lateness: 4 days
-- tolerate: 100 rows
-- column: at_day = to_date(to_datetime_ntz(_timestamp, 3))
-- column: place = concat(_partition, '/', _offset, '/', _index)

CREATE TABLE IF NOT EXISTS fact_visit (
    at_day DATE NOT NULL, visit_id LARGEINT NOT NULL, place VARCHAR(40) NOT NULL
) PRIMARY KEY (at_day, visit_id) PARTITION BY date_trunc('day', at_day) DISTRIBUTED BY HASH (visit_id) BUCKETS 1;
"""
CONTENT = {
    "fact_visit": "*",
    "ops_watermark": "target, part, position",
    "ops_quarantine": "target, row_id, reason, coordinates, row_text, accepted",
    "ops_load WHERE rows_read > 0": "part, from_position, to_position, rows_read, rows_loaded, rows_quarantined",
}
TABLES = ("fact_visit", "ops_watermark", "ops_quarantine", "ops_load", "ops_job_run", "ops_job_step")
MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)


def _producer(broker: Broker) -> Producer:
    # Packed, the mock broker keeps more messages than a part has offsets.
    wanted = {"compression.type": "gzip", "linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "log_level": 0}
    return Producer({"bootstrap.servers": broker.bootstrap_servers, **wanted})


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _content(small: Small) -> dict[str, list[str]]:
    return {table: small.rows(table, columns) for table, columns in CONTENT.items()}


def _through(small: Small, at: int, side: Side) -> tuple[int, list[str]]:
    """Loads, killed at an act (none: -1): how it ended, and the acts that passed."""
    wire = ActWire(small.server.mysql_port, small.server.http_port, small.server.be_http_port)
    wire.acts.die_at, wire.acts.side = at, side
    try:
        wire.acts.began(small.start("load_facts", "--force", **wire.settings()))
        return small.end().code, wire.acts.passed
    finally:
        wire.close()


def test_a_load_that_is_killed_between_two_parts_or_two_partitions_goes_on_where_it_was(
    small: Small, broker: Broker
) -> None:
    producer = _producer(broker)
    at = _milliseconds(MIDNIGHT)
    for number in range(PART_OFFSETS + 5):
        value = b'[{"visit_id": %d}, {"visit_id": 7}]' % number if number % 40_000 == 0 else b"[]"
        producer.produce("visit", b"poison" if number == PART_OFFSETS + 1 else value, partition=0, timestamp=at)
    producer.produce("visit", b'[{"visit_id": 40000}, {"visit_id": 1}]', partition=1, timestamp=at + 86_400_000)
    assert producer.flush(60) == 0
    before = small.keep(TABLES)
    code, acts = _through(small, -1, "before")
    assert code == 3
    undisturbed = _content(small)
    (whole,) = small.sql("SELECT sum(rows_read) AS n FROM ops_load")
    rows_read = int(whole["n"])
    parts = {row["part"]: row["position"] for row in small.sql("SELECT part, position FROM ops_watermark")}
    assert parts["visit/0"] == str(PART_OFFSETS + 5)
    commits = [index for index, act in enumerate(acts) if act == "SQL COMMIT"]
    begins = [index for index, act in enumerate(acts) if act.startswith("SQL BEGIN")]
    assert len(commits) == len(begins) == 3
    points: list[tuple[int, Side, int]] = [
        (commits[0], "after", 1),
        (begins[1], "before", 1),
        (commits[1], "after", 2),
        (commits[2], "before", 2),
    ]
    for index, side, published in points:
        where = f"killed {side} act {index}, {acts[index]}"
        small.put_back(before)
        assert _through(small, index, side)[0] == -9, where
        ledger = small.sql("SELECT rows_read FROM ops_load WHERE target = 'fact_visit'")
        assert len(ledger) == published, where
        rerun = small.run("load_facts", "--force", expect=(0, 3))
        assert _content(small) == undisturbed, where
        assert rerun.document["rows"]["read"] == rows_read - sum(row["rows_read"] for row in ledger), where
        assert (small.stage_tables(), small.spool_files()) == ([], []), where


def test_reading_any_range_again_changes_nothing_across_midnight(small: Small, broker: Broker) -> None:
    chance = random.Random(20261102)
    producer = _producer(broker)
    for _ in range(120):
        # Nearly in their order, some repeated hours later on the other side of midnight, some of them poison.
        at = MIDNIGHT + timedelta(seconds=chance.uniform(-40, 40), hours=chance.choice((0, 0, 0, 24, -24)))
        value = b'[{"visit_id": %d}, {"visit_id": %d}]' % (chance.randrange(60), chance.randrange(60))
        value = b"poison" if chance.random() < 0.05 else value
        producer.produce("visit", value, partition=chance.randrange(2), timestamp=_milliseconds(at))
    assert producer.flush(20) == 0
    small.run("load_facts", "--force", expect=(0, 3))
    ids = [row["visit_id"] for row in small.sql("SELECT visit_id FROM fact_visit")]
    assert len(ids) == len(set(ids)) > 50
    expected = {table: rows for table, rows in _content(small).items() if not table.startswith("ops_load")}
    for _ in range(8):
        since = MIDNIGHT + timedelta(seconds=chance.randint(-60, 60), hours=chance.choice((-24, 0)))
        until = since + timedelta(seconds=chance.randint(1, 100), hours=chance.choice((0, 24)))
        asked = [f"--since={since:%Y-%m-%dT%H:%M:%S}", f"--until={until:%Y-%m-%dT%H:%M:%S}"]
        again = small.run("load_facts", "--force", *asked, expect=(0, 3))
        assert again.document["rows"]["loaded"] == 0, asked
        found = _content(small)
        assert {table: found[table] for table in expected} == expected, asked
