"""The example's sources: the same by seed, the same in steps, and dirty as they are meant to be."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from examples import drops
from examples.broker import TOPIC, Broker
from examples.fill import Sources
from examples.invoices import COLUMNS, NOTES, Till
from examples.matching_engine import U64_MAX
from examples.shop import PARTNER_CODES, UNMAPPED_CODE, Shop
from examples.trades import POISON, Market
from examples.users import OLDEST, Users

FIRST = date(2026, 10, 5)
LAST = FIRST + timedelta(days=6)
REPOSITORY = Path(__file__).parents[2]


def content(directory: Path) -> dict[str, object]:
    """Every drop by its bytes, every table by its rows."""
    found: dict[str, object] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.glob("sales/*")
    }
    for file, table in (("shop", "customer"), ("shop", "material"), ("exchange", "users")):
        with closing(sqlite3.connect(directory / f"{file}.db")) as database:
            found[table] = database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    return found


def read(path: Path) -> list[dict[str, str]]:
    """A drop as Python's csv module reads it."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def test_the_same_seed_gives_the_same_in_one_go_and_day_by_day(tmp_path: Path) -> None:
    at_once, in_steps = Sources(tmp_path / "a", FIRST, scale=0.1), Sources(tmp_path / "b", FIRST, scale=0.1)
    at_once.fill(LAST)
    for number in (0, 2, 2, 3, 6):
        in_steps.fill(FIRST + timedelta(days=number))
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert len(list((tmp_path / "a" / "sales").iterdir())) == 7


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    Sources(tmp_path / "a", FIRST, scale=0.05, seed=1).fill(FIRST)
    Sources(tmp_path / "b", FIRST, scale=0.05, seed=2).fill(FIRST)
    assert content(tmp_path / "a") != content(tmp_path / "b")


def test_a_day_before_the_first_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="before the first day"):
        Sources(tmp_path, FIRST).fill(FIRST - timedelta(days=1))


def test_drops_say_what_the_till_meant(tmp_path: Path) -> None:
    Sources(tmp_path, FIRST, scale=0.3).fill(LAST)
    shop = Shop(1, FIRST, 90)
    till = Till(1, shop)
    for number in range(7):
        day = FIRST + timedelta(days=number)
        shop.advance(day)
        meant = [dict(zip(COLUMNS, line.values(), strict=True)) for line in till.advance(day, 300)]
        assert read(drops.path(tmp_path, day)) == meant


def test_drops_have_every_kind_of_dirt(tmp_path: Path) -> None:
    Sources(tmp_path, FIRST, scale=0.5).fill(LAST)
    raw = [path.read_bytes() for path in sorted((tmp_path / "sales").iterdir())]
    assert {data.startswith(b"\xef\xbb\xbf") for data in raw} == {True, False}
    assert {b"\r\n" in data for data in raw} == {True, False}
    assert {data.lstrip(b"\xef\xbb\xbf").startswith(b'"') for data in raw} == {True, False}
    rows = [(path.name, row) for path in sorted((tmp_path / "sales").iterdir()) for row in read(path)]
    assert {row["note"] for _, row in rows} == {"", *NOTES}
    assert {row["customer_id"] for _, row in rows} > {"", "NULL"}
    assert any(row["material_id"] == "" and row["material_code"] == UNMAPPED_CODE for _, row in rows)
    assert any(row["invoice_date"] not in name for name, row in rows)  # late
    assert any(row["status"] == "cancelled" and row["quantity"] == "0" for _, row in rows)
    seen = Counter((row["invoice_no"], row["line_no"], row["version"]) for _, row in rows)
    assert max(seen.values()) > 1  # repeated
    assert {row["version"] for _, row in rows} >= {"1", "2"}


def test_the_bad_rows_of_a_bad_day_are_the_only_difference(tmp_path: Path) -> None:
    bad = frozenset({LAST})
    Sources(tmp_path / "good", FIRST, scale=1).fill(LAST)
    Sources(tmp_path / "bad", FIRST, scale=1, bad_days=bad).fill(LAST)
    good, spoilt = content(tmp_path / "good"), content(tmp_path / "bad")
    assert {name for name in good if good[name] != spoilt[name]} == {drops.path(tmp_path, LAST).name}
    clean = drops.path(tmp_path / "good", LAST).read_text(encoding="utf-8-sig")
    dirty = drops.path(tmp_path / "bad", LAST).read_text(encoding="utf-8-sig")
    widths = Counter(len(row) for row in csv.reader(io.StringIO(dirty, newline="")))
    more = sum(1 for _ in csv.reader(io.StringIO(dirty, newline=""))) - sum(
        1 for _ in csv.reader(io.StringIO(clean, newline=""))
    )
    assert more == 8
    assert sorted(widths) == [4, len(COLUMNS), len(COLUMNS) + 2]


def test_the_mapping_in_reference_data_fits_the_shop() -> None:
    with (REPOSITORY / "reference-data" / "dim_material_mapper.csv").open(encoding="utf-8", newline="") as file:
        mapped = {row["material_code"]: row["material_id"] for row in csv.DictReader(file)}
    assert mapped == PARTNER_CODES
    assert set(mapped.values()) <= set(Shop(1, FIRST, 10).materials)


def test_a_customer_and_a_user_come_a_day_after_their_first_business(tmp_path: Path) -> None:
    Sources(tmp_path, FIRST, scale=0.2).fill(FIRST)
    billed = {row["customer_id"] for row in read(drops.path(tmp_path, FIRST))} - {"", "NULL"}
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        known = {str(number) for (number,) in database.execute("SELECT customer_id FROM customer")}
    assert len(billed - known) == 1
    users = Users(1, FIRST, 50)
    users.advance(FIRST)
    assert len(users.all) - len(users.registered(FIRST)) == 1


def test_messages_are_arrays_of_1_to_50_trades_some_late_some_twice() -> None:
    users, market = Users(1, FIRST, 50), Market(1)
    late, values, trades = 0, Counter[bytes](), set()
    for number in range(10):
        day = FIRST + timedelta(days=number)
        users.advance(day)
        for message in market.advance(day, sorted(users.all), 300):
            batch = json.loads(message.value)
            assert 1 <= len(batch) <= 50
            assert all(0 < value <= U64_MAX for trade in batch for value in trade.values())
            values[message.value] += 1
            trades |= {(trade["trade_id"], trade["buy_user_id"], trade["sell_user_id"]) for trade in batch}
            late += datetime.fromtimestamp(message.timestamp_ms / 1000, UTC).date() < day
    assert late > 0
    assert max(values.values()) == 2
    ids = [trade_id for trade_id, _, _ in trades]
    assert len(ids) == len(set(ids)) >= 300 * 8
    assert min(ids) < 2**63 < max(ids)
    assert {user for _, *pair in trades for user in pair} & set(OLDEST)


def test_poison_comes_only_on_request() -> None:
    clean, poisoned = Market(1), Market(1)
    users = range(1, 20)
    without = clean.advance(FIRST, users, 100)
    with_poison = [message.value for message in poisoned.advance(FIRST, users, 100, poison=True)]
    assert [value for value in with_poison if value not in POISON] == [message.value for message in without]
    assert [value for value in with_poison if value in POISON] == list(POISON)


def test_the_broker_keeps_messages_partitions_and_timestamps(tmp_path: Path) -> None:
    with Broker(partitions=3) as broker:
        sources = Sources(tmp_path, FIRST, broker.bootstrap_servers, scale=0.05)
        first, again, second = (
            sources.fill(FIRST),
            sources.fill(FIRST),
            sources.fill(FIRST + timedelta(days=1)),
        )
        received = consume(broker.bootstrap_servers, 3)
    assert (again.messages, len(received)) == (0, first.messages + second.messages)
    users, market = Users(1, FIRST, 10), Market(1)
    expected = []
    for day in (FIRST, FIRST + timedelta(days=1)):
        users.advance(day)
        expected += [(m.timestamp_ms, m.value) for m in market.advance(day, sorted(users.all), 50)]
    assert sorted(received) == sorted(expected)


def consume(bootstrap_servers: str, partitions: int) -> list[tuple[int, bytes]]:
    """Timestamp and value of every message of the topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "test", "log_level": 3})
    places = [TopicPartition(TOPIC, number, 0) for number in range(partitions)]
    wanted = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    consumer.assign(places)
    found = consumer.consume(wanted, timeout=10)
    consumer.close()
    assert all(message.error() is None for message in found)
    return [(message.timestamp()[1], message.value() or b"") for message in found]
