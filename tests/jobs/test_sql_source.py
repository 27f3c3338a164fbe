"""SQL sources on real servers: values exact, no row lost at a tie or behind an open transaction, none out of mind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.jobs.conftest import Completed
from tests.jobs.database_servers import DatabaseServer, started

ITEM = """\
-- purpose: a test
-- owner: me
-- source: sql shop: item
-- refresh: incremental, evening
-- scd: 1
-- key: id
-- watermark: updated_at, id

CREATE TABLE IF NOT EXISTS dim_item (id BIGINT NOT NULL, name VARCHAR(20) NULL, updated_at DATETIME NOT NULL)
PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
EXACT = """\
-- purpose: a test
-- owner: me
-- source: sql shop: exact
-- refresh: full, evening
-- scd: 1
-- key: id

CREATE TABLE IF NOT EXISTS dim_exact (
    id LARGEINT NOT NULL, price DECIMAL(30, 10) NULL, flag BOOLEAN NULL, at DATETIME NULL, doc VARCHAR(200) NULL,
    bytes VARCHAR(20) NULL, day DATE NULL, words VARCHAR(40) NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
SOLD = """\
-- purpose: a test
-- owner: me
-- source: sql shop: exact
-- refresh: incremental, evening
-- scd: 1
-- key: id
-- watermark: at, id
-- reconcile: 3 days
-- column: sold_at = at

CREATE TABLE IF NOT EXISTS dim_sold (
    id LARGEINT NOT NULL, price DECIMAL(30, 10) NULL, flag BOOLEAN NULL, sold_at DATETIME NOT NULL, day DATE NULL,
    words VARCHAR(40) NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
COLUMNS = {
    "postgresql": "id NUMERIC(20) PRIMARY KEY, price NUMERIC(30,10), flag BOOLEAN, at TIMESTAMPTZ, doc JSONB,"
    " bytes BYTEA, day DATE, words VARCHAR(40)",
    "mariadb": "id BIGINT UNSIGNED PRIMARY KEY, price DECIMAL(30,10), flag BIT(1), at TIMESTAMP(6) NULL, doc JSON,"
    " bytes VARBINARY(20), day DATE, words VARCHAR(40) CHARACTER SET utf8mb4",
}
TRUE = {"postgresql": "TRUE", "mariadb": "b'1'"}
# The servers stand in UTC+9: what is written there at nine in the morning is midnight in the warehouse.
LOCAL_NINE = "2026-11-01 09:00:00.000001"


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], DatabaseServer]]:
    with ExitStack() as stack:
        running: dict[str, DatabaseServer] = {}

        def start(kind: str) -> DatabaseServer:
            if kind not in running:
                running[kind] = stack.enter_context(started(kind))
            return running[kind]

        yield start


@pytest.fixture(params=["postgresql", "mariadb"])
def source(request: pytest.FixtureRequest, servers: Callable[[str], DatabaseServer]) -> DatabaseServer:
    found = servers(request.param)
    found.do(
        "DROP TABLE IF EXISTS item",
        "DROP TABLE IF EXISTS exact",
        "CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(20), updated_at TIMESTAMP(6) NULL)",
        f"CREATE TABLE exact ({COLUMNS[found.kind]})",
    )
    return found


@pytest.fixture
def load(
    source: DatabaseServer,
    warehouse_dir: Callable[[Mapping[str, str]], Any],
    run_job: Callable[..., Completed],
    environment: dict[str, str],
) -> Callable[..., Completed]:
    """Loads one dimension from the server."""
    warehouse_dir({"schema/dim_item.sql": ITEM, "schema/dim_exact.sql": EXACT, "schema/dim_sold.sql": SOLD})
    environment["CONNECTION_SHOP"] = source.url
    assert run_job("migrate").exit_code == 0
    return lambda name, *options: run_job("load_dimensions", "--force", "--only", name, *options)


def items(source: DatabaseServer, *rows: tuple[int, str, datetime | None]) -> None:
    with source.engine.begin() as opened:
        put(opened, *rows)


def put(opened: Any, *rows: tuple[int, str, datetime | None]) -> None:
    from sqlalchemy import text

    if opened.dialect.name == "postgresql":
        opened.execute(text("SET LOCAL TIME ZONE 'UTC'"))
    else:
        opened.execute(text("SET time_zone = '+00:00'"))
    for number, name, at in rows:
        opened.execute(text("INSERT INTO item VALUES (:id, :name, :at)"), {"id": number, "name": name, "at": at})


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def test_values_are_exact_and_bytes_that_are_no_text_are_refused(
    source: DatabaseServer, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    true = TRUE[source.kind]
    source.do(
        f"INSERT INTO exact VALUES (18446744073709551615, 12345678901234567890.0123456789, {true}, '{LOCAL_NINE}',"
        " '{\"n\": 12345678901234567890.10}', 'abc', '2026-02-28', 'naïve 🙂')",
        "INSERT INTO exact (id, price) VALUES (1, 0)",
    )
    assert load("dim_exact").exit_code == 0
    empty, full = sql("SELECT * FROM dim_exact ORDER BY id")
    assert (str(empty["id"]), f"{empty['price']:f}", empty["flag"], empty["at"]) == ("1", "0.0000000000", None, None)
    assert str(full["id"]) == "18446744073709551615"
    assert f"{full['price']:f}" == "12345678901234567890.0123456789"
    assert (full["flag"], full["at"]) == (1, datetime(2026, 11, 1, 0, 0, 0, 1))
    assert '"n": 12345678901234567890.10' in full["doc"]
    assert (full["bytes"], str(full["day"]), full["words"]) == ("abc", "2026-02-28", "naïve 🙂")
    raw = {"postgresql": "cast('\\xff00' AS bytea)", "mariadb": "x'ff00'"}[source.kind]
    source.do(f"INSERT INTO exact (id, bytes) VALUES (7, {raw})")
    assert load("dim_exact").exit_code == 1
    (row,) = sql("SELECT reason, column_name, value, coordinates FROM ops_quarantine")
    assert list(row.values()) == ["encoding", "bytes", "ff00", "shop: 7"]


def test_a_tie_is_neither_lost_nor_read_twice_and_a_row_without_a_timestamp_is_told_of(
    source: DatabaseServer, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5)"
    numbers = ", ".join(f"{digits} t{index}" for index in range(6))
    number = " + ".join(f"t{index}.d * {6**index}" for index in range(6))
    # More than a cursor hands over at once.
    source.do(
        f"INSERT INTO item SELECT 1 + {number}, 'x', '2026-10-01' FROM {numbers}", "DELETE FROM item WHERE id = 9"
    )
    assert load("dim_item").document["rows"]["loaded"] == 6**6 - 1
    (mark,) = sql("SELECT position FROM ops_watermark")
    assert json.loads(mark["position"])["key"] == 6**6
    assert load("dim_item").document["rows"]["read"] == 0
    source.do("INSERT INTO item VALUES (50000, 'tie', '2026-10-01')")
    assert load("dim_item").document["rows"] == {"read": 1, "loaded": 1, "repeated": 0, "quarantined": 0, "standing": 0}
    items(source, (60000, "lost", None))
    refused = load("dim_item")
    assert (refused.exit_code, "updated_at = '' (null)" in refused.error) == (1, True)
    (row,) = sql("SELECT reason, coordinates FROM ops_quarantine")
    assert (row["reason"], row["coordinates"]) == ("null", "shop: None, 60000")


def test_a_transaction_that_is_still_open_holds_the_watermark_back(
    source: DatabaseServer, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    with source.transaction() as late:
        put(late, (1, "late", now()))
        opened_at = now()
        items(source, (2, "early", now() + timedelta(seconds=1)))
        assert load("dim_item").exit_code == 0
        assert [row["name"] for row in sql("SELECT name FROM dim_item")] == ["early"]
        (mark,) = sql("SELECT position FROM ops_watermark")
        assert datetime.fromisoformat(json.loads(mark["position"])["at"]) <= opened_at
        late.commit()
    assert load("dim_item").document["rows"]["loaded"] == 1
    assert {row["name"] for row in sql("SELECT name FROM dim_item")} == {"late", "early"}


def test_a_row_from_the_future_does_not_take_the_watermark_with_it(
    source: DatabaseServer, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    items(source, (1, "future", now() + timedelta(days=30)))
    flagged = load("dim_item")
    assert flagged.exit_code == 0
    assert "rows_from_the_future" in flagged.stderr
    items(source, (2, "today", now()))
    assert load("dim_item").document["rows"]["loaded"] == 1
    assert len(sql("SELECT id FROM dim_item")) == 2


def test_days_are_compared_in_the_same_words(source: DatabaseServer, load: Callable[..., Completed]) -> None:
    true = TRUE[source.kind]
    source.do(
        f"INSERT INTO exact (id, price, flag, at, day, words) VALUES (18446744073709551615, -0.5, {true},"
        f" '{LOCAL_NINE}', '2026-02-28', 'naïve 🙂'), (1, NULL, NULL, '2026-11-01 08:59:59', NULL, NULL),"
        " (2, 12.50, NULL, '2026-11-02 09:00:00', NULL, '')",
    )
    assert load("dim_sold").exit_code == 0
    same = load("dim_sold")
    assert (same.document["notes"], '"event": "reconciled"' in same.stderr) == ([], True)
    source.do("UPDATE exact SET words = 'x', at = at WHERE id = 1")
    assert load("dim_sold").document["notes"] == [
        "WARNING: dim_sold: day 2026-10-31 differed from the source, read again"
    ]
