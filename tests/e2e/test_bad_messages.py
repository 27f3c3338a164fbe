"""Records of Kafka that are bad, or only look so: odd times, endless arrays, fields twice, marks of transactions."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from examples.broker import Broker
from tests.e2e.small import Small

TOPIC, PARTITIONS = "bad", 1
TABLE = """\
-- purpose: takes everything
-- owner: me
-- source: kafka bad
-- refresh: incremental, morning
-- key: id
-- tolerate: 100%
-- column: at = to_datetime_ntz(_timestamp, 3)
-- column: place = concat(_offset, '#', _index)

CREATE TABLE IF NOT EXISTS fact_message (
    id LARGEINT NOT NULL, note VARCHAR(30) NULL, at DATETIME NOT NULL, place VARCHAR(40) NOT NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
AT = 1_793_836_800_000
LAST_DAY = 253_370_764_799_000
# the time of a record in milliseconds, the time of its row, or the reason in the quarantine
TIMES = [
    (-1, None, "timestamp"),
    (-5, None, "timestamp"),
    (1, "1970-01-01 00:00:00.001000", ""),
    (AT, "2026-11-05 00:00:00", ""),
    (LAST_DAY, "9998-12-31 23:59:59", ""),
    (253_402_300_800_000, None, "null"),
    (2**53, None, "null"),
    (2**62, None, "null"),
]


def send(broker: Broker, *records: tuple[bytes, int]) -> None:
    """Produces values with their times."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "message.max.bytes": 100_000_000})
    for value, at in records:
        producer.produce("bad", value, partition=0, timestamp=at)
    assert producer.flush(60) == 0


def kept(small: Small) -> list[tuple[str, str]]:
    """Place and reason of what is in quarantine."""
    rows = small.sql("SELECT coordinates, reason FROM ops_quarantine")
    return sorted((str(row["coordinates"]), str(row["reason"])) for row in rows)


def test_a_record_with_a_time_that_cannot_be_is_put_aside_or_told_of(small: Small, broker: Broker) -> None:
    send(broker, *((b'[{"id": %d}]' % number, at) for number, (at, _, _) in enumerate(TIMES)))
    done = small.run("load_facts", "--force", expect=(3,))
    assert {str(row["id"]): str(row["at"]) for row in small.sql("SELECT id, at FROM fact_message")} == {
        str(number): at for number, (_, at, _) in enumerate(TIMES) if at
    }
    told = [(place.partition("#")[0], reason) for place, reason in kept(small)]
    assert told == [(f"bad/0@{number}", reason) for number, (_, _, reason) in enumerate(TIMES) if reason]
    assert '"rows_out_of_time"' in done.err
    assert small.run("load_facts", "--force").document["rows"]["read"] == 0


def test_of_a_field_that_comes_twice_the_last_counts_however_the_message_is_read(small: Small, broker: Broker) -> None:
    twice = b'{"id": %d, "note": "a", "id": %d, "note": null}'
    send(broker, (twice % (1, 2), AT), (b"[" + twice % (3, 4) + b"]", AT))
    small.run("load_facts", "--force")
    # With poison beside it a message is read field by field, and a long array in pieces.
    send(broker, (b"[" + twice % (5, 6) + b"]", AT), (b"poison", AT))
    send(broker, (b"[" + b",".join(twice % (7, 8 + number) for number in range(8000)) + b"]", AT))
    small.run("load_facts", "--force", expect=(3,))
    rows = small.sql("SELECT id, note FROM fact_message")
    assert sorted(int(row["id"]) for row in rows) == [2, 4, 6, *range(8, 8008)]
    assert {row["note"] for row in rows} == {None}


@pytest.mark.parametrize("wrong", [b',{"id": 1e3}', b",5"], ids=["one wrong value", "one that is none"])
def test_an_array_of_a_million_trades_is_loaded_in_bounded_memory(small: Small, broker: Broker, wrong: bytes) -> None:
    count = 1_000_000
    send(
        broker,
        (b"[" + b",".join(b'{"id":%d,"note":"some words"}' % number for number in range(count)) + wrong + b"]", AT),
    )
    done = small.run("load_facts", "--force", expect=(0, 3))
    loaded = 0 if wrong == b",5" else count
    assert done.document["rows"]["loaded"] == loaded
    (found,) = small.sql("SELECT count(*) AS n, count(DISTINCT place) AS places, max(id) AS last FROM fact_message")
    assert (found["n"], found["places"]) == (loaded, loaded)
    assert (
        kept(small)
        == {
            b"": [],
            b',{"id": 1e3}': [(f"bad/0@0#{count}", "type")],
            b",5": [("bad/0@0", "json")],
        }[wrong]
    )
    assert done.peak_kib < 700 * 1024


def test_marks_of_transactions_are_no_gaps(small: Small, broker: Broker) -> None:
    """Committed ones, as a producer writes them; of aborted ones see test_transactions.py."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": "bad"})
    producer.init_transactions(20)
    for number in (1, 2):
        producer.begin_transaction()
        producer.produce("bad", b'[{"id": %d}]' % number, partition=0, timestamp=AT)
        producer.commit_transaction(20)
        done = small.run("load_facts", "--force")
        assert done.document["rows"]["loaded"] == 1
        (mark,) = small.sql("SELECT position FROM ops_watermark WHERE part = 'bad/0'")
        assert mark["position"] == str(number * 2)
    assert small.run("load_facts", "--force").document["rows"]["read"] == 0
    assert sorted(row["place"] for row in small.sql("SELECT place FROM fact_message")) == ["0#0", "2#0"]
