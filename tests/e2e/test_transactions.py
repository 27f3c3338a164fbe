"""Transactions and compaction: what was aborted is not loaded, what is open is waited for, a hole is no loss.

The broker is ours, as the mock of librdkafka hands aborted records out; the consumer is librdkafka's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from emulator.server import Server
from lib.sources.kafka import PART_OFFSETS
from tests.e2e.kafka_log import Log
from tests.e2e.kafka_wire import TransactionBroker
from tests.e2e.small import Small, Zygote

PAYMENT = """\
-- purpose: what has been paid
-- owner: me
-- source: kafka payment
-- refresh: incremental, morning
-- key: id
-- column: place = concat(_offset, '#', _index)

CREATE TABLE IF NOT EXISTS fact_payment (id BIGINT NOT NULL, place VARCHAR(40) NOT NULL)
PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
AT = 1_793_836_800_000
# Producers, each with a transaction of its own.
ANN, BOB = 7, 8


@pytest.fixture
def broker() -> Iterator[TransactionBroker]:
    with TransactionBroker("payment", Log(AT)) as running:
        yield running


@pytest.fixture
def small(
    tmp_path: Path, server: Server, seed: Zygote, broker: TransactionBroker, request: pytest.FixtureRequest
) -> Small:
    """A warehouse with one table and its topic."""
    made = Small(tmp_path, server, seed, f"dw_{abs(hash(request.node.name))}")
    made.environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
    made.write("warehouse/schema/fact_payment.sql", PAYMENT)
    made.run("migrate")
    return made


def paid(number: int) -> bytes:
    """A message."""
    return b'[{"id":%d}]' % number


def load(small: Small) -> list[str]:
    """The places of the rows in the table after a load."""
    small.run("load_facts", "--force")
    return [str(row["place"]) for row in small.sql("SELECT place FROM fact_payment ORDER BY id")]


def position(small: Small) -> str:
    """How far the topic has been loaded."""
    (row,) = small.sql("SELECT position FROM ops_watermark WHERE part = 'payment/0'")
    return str(row["position"])


def proof(small: Small) -> tuple[str, str]:
    """What `verify` says of the chain of offsets."""
    told = small.run("verify", "--force", "--only", "night", expect=(0, 65)).document["verification"]
    (found,) = [check for check in told["checks"] if check["text"] == "kafka_offsets"]
    return found["state"], found["measured"]


PROVEN = ("passed", "no offset was left out or loaded twice")


def test_what_was_aborted_is_not_loaded_and_leaves_no_gap(small: Small, broker: TransactionBroker) -> None:
    log = broker.log
    log.write(paid(1), paid(2), producer=ANN)
    log.write(paid(3), producer=BOB)
    log.write(paid(4), producer=ANN)
    log.abort(ANN)
    log.write(paid(5))
    log.commit(BOB)
    assert load(small) == ["2#0", "5#0"]
    assert position(small) == str(log.high) == "7"
    log.write(paid(6), producer=ANN)
    log.commit(ANN)
    log.write(paid(7), producer=BOB)
    log.abort(BOB)
    assert load(small) == ["2#0", "5#0", "7#0"]
    assert position(small) == str(log.high) == "11"
    assert small.run("load_facts", "--force").document["rows"]["read"] == 0
    assert proof(small) == PROVEN


def test_a_reader_of_uncommitted_records_would_have_seen_them(broker: TransactionBroker) -> None:
    """So the broker does hand them out to who asks for them, and the test above is one of the bridge."""
    broker.log.write(paid(1), producer=ANN)
    broker.log.abort(ANN)
    broker.log.write(paid(2))
    seen = {}
    for level in ("read_uncommitted", "read_committed"):
        wanted = {"group.id": "any", "enable.auto.commit": False, "isolation.level": level}
        reader = Consumer({"bootstrap.servers": broker.bootstrap_servers, **wanted})
        reader.assign([TopicPartition("payment", 0, 0)])
        seen[level] = [message.value() for message in reader.consume(2, timeout=3)]
        reader.close()
    assert seen == {"read_uncommitted": [paid(1), paid(2)], "read_committed": [paid(2)]}


def test_a_topic_of_nothing_but_aborted_records_is_read_to_its_end(small: Small, broker: TransactionBroker) -> None:
    for number in range(5):
        broker.log.write(paid(number), producer=ANN)
        broker.log.abort(ANN)
    assert load(small) == []
    assert position(small) == "10"
    broker.log.write(paid(9))
    assert load(small) == ["10#0"]
    assert proof(small) == PROVEN


@pytest.mark.parametrize("ends", ["commit", "abort"])
def test_an_open_transaction_is_waited_for(small: Small, broker: TransactionBroker, ends: str) -> None:
    log = broker.log
    log.write(paid(1))
    log.write(paid(2), producer=ANN)
    log.write(paid(3))
    assert load(small) == ["0#0"]
    assert position(small) == str(log.stable) == "1"
    assert small.run("load_facts", "--force").document["rows"]["read"] == 0
    if ends == "commit":
        log.commit(ANN)
    else:
        log.abort(ANN)
    assert load(small) == (["0#0", "1#0", "2#0"] if ends == "commit" else ["0#0", "2#0"])
    assert position(small) == "4"
    assert proof(small) == PROVEN


def test_holes_of_compaction_are_no_gaps_wherever_a_part_ends(small: Small, broker: TransactionBroker) -> None:
    log = broker.log
    log.skip(3)
    log.write(paid(1))
    # A part ends within the hole, and one has no record at all.
    log.skip(2 * PART_OFFSETS)
    log.write(paid(2), paid(3))
    log.skip(4)
    log.write(paid(4))
    last = 3 + 1 + 2 * PART_OFFSETS
    assert load(small) == ["3#0", f"{last}#0", f"{last + 1}#0", f"{last + 6}#0"]
    assert position(small) == str(log.high)
    log.skip(2)
    log.write(paid(5))
    assert load(small)[-1] == f"{last + 9}#0"
    assert proof(small) == PROVEN
