"""The Kafka bridge: every record of a topic is loaded, known or in quarantine; none is jumped, none comes twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from examples.broker import Broker
from tests.jobs.conftest import Completed, Started

TOPIC = "trades"
TRADE = """\
-- purpose: trades
-- owner: me
-- source: kafka trades
-- refresh: incremental, morning
-- key: trade_id
-- watermark: kafka offset
-- lateness: 3 days
-- column: trade_date = to_date(to_datetime_ntz(_timestamp, 3))
-- column: settled_at = to_datetime_ntz(_timestamp, 3)
-- column: place = concat(_partition, '/', _offset, '/', _index)

CREATE TABLE IF NOT EXISTS fact_trade (
    trade_date DATE NOT NULL, trade_id LARGEINT NOT NULL, price LARGEINT NOT NULL, note VARCHAR(8) NULL,
    settled_at DATETIME NOT NULL, place VARCHAR(40) NOT NULL
) PRIMARY KEY (trade_date, trade_id) PARTITION BY date_trunc('day', trade_date)
DISTRIBUTED BY HASH (trade_id) BUCKETS 1;
"""
# 2026-11-01 23:59:59.500 UTC
LATE_EVENING = 1_793_577_599_500
U64_MAX = 2**64 - 1


@dataclass
class Bridge:
    """A warehouse with one fact table and a topic."""

    run: Callable[..., Completed]
    start: Callable[..., Started]
    sql: Callable[..., list[dict[str, Any]]]
    environment: dict[str, str]
    write: Callable[[Mapping[str, str]], Path]

    def serve(self, broker: Broker) -> None:
        """From now on this is the broker."""
        self.environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        self.producer = Producer(
            {"bootstrap.servers": broker.bootstrap_servers, "message.max.bytes": 20_000_000, "log_level": 0}
        )

    def send(self, *values: object, partition: int = 0, at: int = LATE_EVENING) -> None:
        """Produces records: bytes and None as they are, anything else as JSON."""
        for value in values:
            raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
            self.producer.produce(TOPIC, raw, partition=partition, timestamp=at)
        assert self.producer.flush(20) == 0

    def load(self, *options: str) -> Completed:
        """load_facts, by hand."""
        return self.run("load_facts", "--force", *options)

    def ids(self) -> list[int]:
        """What is in the table."""
        return [int(row["trade_id"]) for row in self.sql("SELECT trade_id FROM fact_trade ORDER BY trade_id")]

    def positions(self) -> dict[str, str]:
        """The watermarks."""
        rows = self.sql("SELECT part, position FROM ops_watermark")
        return {row["part"]: row["position"] for row in rows if not row["part"].endswith(" end")}

    def tolerate(self, tolerance: str) -> None:
        """Changes the table file."""
        self.write({"schema/fact_trade.sql": TRADE.replace("-- lateness", f"-- tolerate: {tolerance}\n-- lateness")})


def trade(number: int, **fields: object) -> dict[str, object]:
    """A trade."""
    return {"trade_id": number, "price": 5, **fields}


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker((TOPIC,), partitions=2) as running:
        yield running


@pytest.fixture
def bridge(
    broker: Broker,
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    start_job: Callable[..., Started],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
) -> Bridge:
    warehouse_dir({"schema/fact_trade.sql": TRADE})
    assert run_job("migrate").exit_code == 0
    made = Bridge(run_job, start_job, sql, environment, warehouse_dir)
    made.serve(broker)
    return made


def test_arrays_objects_and_tombstones_of_all_partitions_are_loaded_once(bridge: Bridge) -> None:
    bridge.send([trade(1), trade(U64_MAX, note="é")], trade(2**63), [], None)
    bridge.send([trade(3)], partition=1, at=LATE_EVENING + 1000)
    done = bridge.load()
    assert (done.exit_code, done.error, done.document["rows"]["loaded"]) == (0, "", 4)
    rows = bridge.sql("SELECT * FROM fact_trade ORDER BY trade_id")
    assert [int(row["trade_id"]) for row in rows] == [1, 3, 2**63, U64_MAX]
    assert [str(row["trade_date"]) for row in rows] == ["2026-11-01", "2026-11-02", "2026-11-01", "2026-11-01"]
    assert [row["place"] for row in rows] == ["0/0/0", "1/0/0", "0/1/0", "0/0/1"]
    assert rows[3]["note"] == "é"
    assert rows[0]["settled_at"].isoformat() == "2026-11-01T23:59:59.500000"
    assert bridge.positions() == {"trades/0": "4", "trades/1": "1"}
    again = bridge.load()
    assert (again.exit_code, again.document["rows"]["read"]) == (0, 0)


POISON = [
    (b'[{"trade_id": 17, "pr', "json", ""),
    (b'{"kind": "heartbeat"}', "fields", "#0"),
    (b"[[]]", "json", ""),
    (b'{"trade_id": 7, "price": 1}{}', "json", ""),
    (b'[{"trade_id": 7, "price": 1, "note": "\xff"}]', "json", ""),
    (b'[{"trade_id": 7, "price": 1, "note": "\\ud800"}]', "json", ""),
    (b"[" * 10_000, "json", ""),
    (b'[{"trade_id": 1e3, "price": 1}]', "type", "#0"),
    (b'[{"trade_id": 1.0, "price": 1}]', "type", "#0"),
    (b'[{"trade_id": null, "price": 1}]', "null", "#0"),
    (b'[{"Trade_id": 7, "price": 1}]', "null", "#0"),
    (b'[{"trade_id": 7, "price": 340282366920938463463374607431768211456}]', "range", "#0"),
    (b'[{"trade_id": 7, "price": 1, "note": "too long for it"}]', "length", "#0"),
    (b'[{"trade_id": 7, "price": 1, "note": "a\\u0001b"}]', "control character", "#0"),
]


def test_poison_is_put_aside_with_its_bytes_and_its_place(bridge: Bridge) -> None:
    bridge.send([trade(1)], *(poison for poison, _, _ in POISON), [trade(2)])
    bridge.tolerate(f"{len(POISON) - 1} rows")
    refused = bridge.load()
    assert refused.exit_code == 1
    assert "14 of 16 rows do not fit" in refused.error
    assert (bridge.ids(), bridge.positions()) == ([], {})
    bridge.tolerate(f"{len(POISON)} rows")
    done = bridge.load()
    assert done.exit_code == 3
    assert done.document["rows"] == {"read": 16, "loaded": 2, "repeated": 0, "quarantined": 14, "standing": 0}
    assert bridge.ids() == [1, 2]
    assert bridge.positions() == {"trades/0": "16"}
    kept = {row["coordinates"]: row for row in bridge.sql("SELECT coordinates, reason, row_text FROM ops_quarantine")}
    for offset, (poison, reason, index) in enumerate(POISON, 1):
        row = kept[f"trades/0@{offset}{index}"]
        assert row["reason"] == reason
        if reason in ("json", "fields"):
            assert row["row_text"].replace(" ", "") == poison.decode("utf-8", "backslashreplace").replace(" ", "")


def test_a_first_message_that_is_poison_does_not_hide_the_columns(bridge: Bridge) -> None:
    bridge.tolerate("1 row")
    bridge.send(b'{"kind": "heartbeat"}')
    done = bridge.load()
    assert (done.exit_code, done.document["rows"]["quarantined"]) == (3, 1)
    assert bridge.positions() == {"trades/0": "1"}


def test_lag_is_told_by_partition(bridge: Bridge) -> None:
    bridge.send([trade(1)], [trade(2)])
    loaded = bridge.load()
    lags = [json.loads(line) for line in loaded.stderr.splitlines() if '"event": "lag"' in line]
    assert {(lag["part"], lag["messages"]) for lag in lags} == {("trades/0", 2), ("trades/1", 0)}
    bridge.sql("INSERT INTO ops_watermark VALUES ('fact_trade', 'trades/0', '1', 'x', '2026-11-01')")
    bridge.write({"crontab": ""})
    status = bridge.run("status")
    assert status.error == ""
    (table,) = status.document["status"]["tables"]
    assert (table["positions"], table["behind"]) == ({"trades/0": "1"}, {"trades/0": 1})


def test_one_wrong_trade_of_a_hundred_is_put_aside_alone(bridge: Bridge) -> None:
    bridge.tolerate("1%")
    bridge.send([trade(number, **({"price": "many"} if number == 57 else {})) for number in range(100)])
    done = bridge.load()
    assert done.document["rows"] == {"read": 100, "loaded": 99, "repeated": 0, "quarantined": 1, "standing": 0}
    assert bridge.sql("SELECT coordinates, value FROM ops_quarantine") == [
        {"coordinates": "trades/0@0#57", "value": "many"}
    ]


def test_a_replay_of_any_range_changes_nothing_even_across_midnight(bridge: Bridge) -> None:
    bridge.send([trade(1), trade(2)], [trade(1)])
    bridge.send([trade(1), trade(3)], at=LATE_EVENING + 1000)
    bridge.send([trade(2, price=9)], at=LATE_EVENING + 86_400_000, partition=1)
    assert bridge.load().document["rows"] == {"read": 6, "loaded": 3, "repeated": 3, "quarantined": 0, "standing": 0}
    before = bridge.sql("SELECT * FROM fact_trade ORDER BY trade_id"), bridge.positions()
    assert [str(row["price"]) for row in before[0]] == ["5"] * 3
    for bounds in (["--since", "2026-11-01"], ["--until", "2026-11-02"], ["--since", "2026-11-02T00:00:00"]):
        assert bridge.load(*bounds).document["rows"]["loaded"] == 0
        assert (bridge.sql("SELECT * FROM fact_trade ORDER BY trade_id"), bridge.positions()) == before


def test_a_range_has_the_records_of_its_time_wherever_they_stand(bridge: Bridge) -> None:
    day = 86_400_000
    for number, at in enumerate((0, day, 0, 2 * day, day)):
        bridge.send([trade(number)], at=LATE_EVENING + at)
    done = bridge.load("--since", "2026-11-02", "--until", "2026-11-03")
    assert done.document["rows"]["read"] == 2
    assert bridge.ids() == [1, 4]
    assert bridge.positions() == {}
    assert bridge.load().document["rows"] == {"read": 5, "loaded": 3, "repeated": 2, "quarantined": 0, "standing": 0}


def test_offsets_that_retention_has_passed_are_never_jumped(bridge: Bridge) -> None:
    bridge.send([trade(1)])
    bridge.send([trade(2)], partition=1)
    assert bridge.load().exit_code == 0
    for number in range(8):
        bridge.send([trade(10 + number, filler="x" * 900_000)])
    bridge.send([trade(3)], partition=1)
    lost = bridge.load()
    assert lost.exit_code == 65
    assert "trades/0: offsets 1 to " in lost.error
    assert "--accept-gap trades/0" in lost.document["hint"]
    assert bridge.ids() == [1, 2, 3], "what is not lost is loaded before it is lost as well"
    assert bridge.positions() == {"trades/0": "1", "trades/1": "2"}
    accepted = bridge.load("--accept-gap", "trades/0")
    assert accepted.exit_code == 0
    assert bridge.positions()["trades/0"] == "9"
    assert bridge.ids()[-1] == 17
    (gap,) = bridge.sql("SELECT part, from_position, to_position FROM ops_load WHERE content = 'accepted gap'")
    assert (gap["part"], gap["from_position"]) == ("trades/0", "1")
    assert int(gap["to_position"]) > 1
    assert bridge.load().exit_code == 0


def test_a_topic_made_anew_is_told(bridge: Bridge) -> None:
    bridge.send([trade(1)], [trade(2)])
    assert bridge.load().exit_code == 0
    with Broker((TOPIC,), partitions=2) as other:
        bridge.serve(other)
        bridge.send([trade(3)])
        lost = bridge.load()
        assert lost.exit_code == 65
        assert "the topic ends at 1 and 2 has been loaded" in lost.error
        assert bridge.ids() == [1, 2]
        assert bridge.load("--accept-gap", "trades/0").exit_code == 0
        assert bridge.ids() == [1, 2, 3]


def test_a_partition_that_is_gone_is_told_and_a_new_one_begins_at_its_earliest(bridge: Bridge) -> None:
    with Broker((TOPIC,), partitions=1) as narrow:
        bridge.serve(narrow)
        bridge.send([trade(1)])
        assert bridge.load().exit_code == 0
        with Broker((TOPIC,), partitions=2) as wide:
            bridge.serve(wide)
            bridge.send([trade(1)])
            bridge.send([trade(2)], partition=1)
            added = bridge.load()
            assert (added.exit_code, bridge.ids()) == (0, [1, 2])
            assert "partition_added" in added.stderr
        bridge.serve(narrow)
        assert bridge.load().exit_code == 65
        assert bridge.load("--accept-gap", "trades/1").exit_code == 0
        assert bridge.load().exit_code == 0


def test_a_broker_that_is_down_and_a_topic_that_is_missing_are_told_apart(bridge: Bridge, broker: Broker) -> None:
    bridge.write({"schema/fact_trade.sql": TRADE.replace("kafka trades", "kafka trade.hystory")})
    missing = bridge.load()
    assert (missing.exit_code, "trade.hystory" in missing.error) == (78, True)
    bridge.write({"schema/fact_trade.sql": TRADE})
    broker.stop()
    assert bridge.run("load_facts", "--force", env={"NIGHTSHIFT_ATTEMPTS": "1"}).exit_code == 69


def test_a_message_of_ten_megabytes_is_loaded(bridge: Bridge) -> None:
    count = 100_000
    bridge.send([trade(number, filler="x" * 60) for number in range(count)])
    dry = bridge.run("load_facts", "--dry-run")
    assert (dry.error, dry.document["rows"]["read"]) == ("", count)
