"""The loading jobs: what a source delivers is loaded, known or in quarantine; never lost, never twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import Completed
from tests.shop import COLOUR, CUSTOMER

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: sale_id
-- version: version
-- lateness: 5 days
-- infer: dim_customer.customer_id
-- column: total = cast(quantity AS DECIMAL(10,0)) * cast(Price AS DECIMAL(10,2))
-- column: source_line = _line
-- check: CRITICAL references(customer_id, dim_customer.customer_id)
-- check: CRITICAL accepted(state, 'open', 'paid')

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_date DATE NOT NULL, sale_id BIGINT NOT NULL, version INT NOT NULL, customer_id INT NULL,
    state VARCHAR(5) NOT NULL, quantity INT NOT NULL, total DECIMAL(18,2) NOT NULL, note VARCHAR(8) NULL,
    source_line BIGINT NOT NULL
) PRIMARY KEY (sale_date, sale_id) PARTITION BY date_trunc('day', sale_date) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
HEADER = "sale_id,sale_date,version,customer_id,state,quantity,Price,note\n"


@dataclass
class Shop:
    """One small warehouse with its sources."""

    folder: Path
    run: Callable[..., Completed]
    sql: Callable[..., list[dict[str, Any]]]
    environment: dict[str, str]

    def drop(self, name: str, *lines: str, header: str = HEADER) -> None:
        """A CSV file for fact_sale."""
        (self.folder / "sources").mkdir(exist_ok=True)
        (self.folder / "sources" / name).write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")

    def customers(self, *rows: tuple[int, str, str]) -> None:
        """The operational table as it is now: (id, region, updated_at)."""
        with closing(sqlite3.connect(self.folder / "shop.db")) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS customer (customer_id INTEGER PRIMARY KEY, region, updated_at)"
            )
            database.executemany("INSERT OR REPLACE INTO customer VALUES (?, ?, ?)", rows)

    def facts(self, *options: str) -> Completed:
        """load_facts, by hand."""
        return self.run("load_facts", "--force", *options)


@pytest.fixture
def shop(
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[Shop]:
    files = {"schema/dim_customer.sql": CUSTOMER, "schema/fact_sale.sql": SALE, "schema/dim_colour.sql": COLOUR}
    warehouse_dir({**files, "reference-data/dim_colour.csv": "colour,hex\nred,#f00\nblue,\n"})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    made = Shop(tmp_path, run_job, sql, environment)
    made.drop("a.csv", "1,2026-11-01,1,7,open,2,1.50,x")
    made.customers((7, "north", "2026-10-01 00:00:00"))
    assert run_job("migrate").exit_code == 0
    yield made


def test_a_night_of_loads_and_the_same_night_again(shop: Shop) -> None:
    assert shop.run("load_reference", "--force").document["rows"]["loaded"] == 2
    assert shop.run("load_dimensions", "--force").document["rows"]["loaded"] == 1
    assert shop.facts().document["rows"] == {"read": 1, "loaded": 1, "repeated": 0, "quarantined": 0, "standing": 0}
    (sale,) = shop.sql("SELECT sale_id, total, note, source_line FROM fact_sale")
    assert (sale["sale_id"], str(sale["total"]), sale["note"], sale["source_line"]) == (1, "3.00", "x", 2)
    assert shop.sql("SELECT hex FROM dim_colour WHERE colour = 'blue'") == [{"hex": None}]
    for job in ("load_reference", "load_dimensions", "load_facts"):
        again = shop.run(job, "--force")
        assert (again.exit_code, again.document["rows"]["loaded"]) == (0, 0)


def test_a_correction_wins_by_its_version_and_a_late_older_one_does_not(shop: Shop) -> None:
    shop.drop("b.csv", "1,2026-11-01,3,7,paid,5,1.50,new")
    shop.drop("c.csv", "1,2026-11-01,2,7,open,4,1.50,old")
    done = shop.facts()
    assert done.document["rows"] == {"read": 3, "loaded": 2, "repeated": 1, "quarantined": 0, "standing": 0}
    assert [row["version"] for row in shop.sql("SELECT version FROM fact_sale")] == [3]


def test_a_row_that_would_move_to_another_partition_is_put_aside(shop: Shop) -> None:
    assert shop.facts().exit_code == 0
    shop.drop("b.csv", "1,2026-11-02,2,7,paid,5,1.50,moved")
    moved = shop.facts()
    assert moved.exit_code == 1
    assert "(moved)" in moved.error
    assert len(shop.sql("SELECT * FROM fact_sale")) == 1


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        ("2,2026-11-01,1,7,open,2a,1.50,x", "type", "quantity"),
        ("99999999999999999999,2026-11-01,1,7,open,2,1.50,x", "range", "sale_id"),
        ("2,2026-02-30,1,7,open,2,1.50,x", "type", "sale_date"),
        ("2,2026-11-01,1,7,open,2,1.50,too long a note", "length", "note"),
        (",2026-11-01,1,7,open,2,1.50,x", "null", "sale_id"),
        ("2,2026-11-01,1,7,open,2", "columns", ""),
        ("2,2026-11-01,1,7,open,2,many,x", "null", "total"),
        ("2,2026-11-01,1,7,lost,2,1.50,x", "check", "state"),
    ],
)
def test_a_bad_row_stops_a_load_that_tolerates_none_and_is_kept(
    shop: Shop, line: str, reason: str, column: str
) -> None:
    shop.drop("b.csv", "3,2026-11-01,1,7,open,1,1.00,y", line)
    shop.drop("c.csv", "5,2026-11-01,1,7,open,1,1.00,y")
    refused = shop.facts()
    assert refused.exit_code == 1
    assert "b.csv:3" in refused.error
    assert [row["sale_id"] for row in shop.sql("SELECT sale_id FROM fact_sale ORDER BY sale_id")] == [1, 5]
    (kept,) = shop.sql("SELECT reason, column_name, coordinates, accepted, row_text FROM ops_quarantine")
    assert (kept["reason"], kept["column_name"], kept["coordinates"]) == (reason, column, "b.csv:3")
    assert kept["accepted"] == 0
    assert "7" in kept["row_text"]
    assert shop.facts().exit_code == 1, "the bad file is met again, the good one is known"
    assert len(shop.sql("SELECT * FROM ops_quarantine")) == 1


def test_a_value_that_cannot_be_converted_is_put_aside_where_null_is_allowed_too(
    shop: Shop, warehouse_dir: Callable[..., Path]
) -> None:
    nullable = SALE.replace("total DECIMAL(18,2) NOT NULL", "total DECIMAL(18,2) NULL").replace(
        "-- infer", "%s-- infer"
    )
    shop.sql("DROP TABLE fact_sale FORCE")
    warehouse_dir({"schema/fact_sale.sql": nullable % "-- tolerate: 1 row\n"})
    assert shop.run("migrate").exit_code == 0
    shop.drop("b.csv", "3,2026-11-01,1,7,open,1,,y", "4,2026-11-01,1,7,open,1,much,y")
    assert shop.facts().document["rows"] == {"read": 3, "loaded": 2, "repeated": 0, "quarantined": 1, "standing": 0}
    (kept,) = shop.sql("SELECT reason, column_name, coordinates, row_text FROM ops_quarantine")
    assert (kept["reason"], kept["column_name"], kept["coordinates"]) == ("conversion", "total", "b.csv:3")
    assert "much" in kept["row_text"]
    assert shop.sql("SELECT sale_id FROM fact_sale WHERE total IS NULL") == [{"sale_id": 3}], "NULL stays NULL"


def test_within_the_tolerance_the_rest_is_loaded(shop: Shop, warehouse_dir: Callable[..., Path]) -> None:
    warehouse_dir(
        {"schema/fact_sale.sql": SALE.replace("-- version: version", "-- version: version\n-- tolerate: 1 row")}
    )
    shop.drop("b.csv", "3,2026-11-01,1,7,open,1,1.00,y", "4,2026-11-01,1,7,open,x,1.00,y")
    done = shop.facts()
    assert done.exit_code == 3
    assert done.document["rows"] == {"read": 3, "loaded": 2, "repeated": 0, "quarantined": 1, "standing": 0}
    assert [row["accepted"] for row in shop.sql("SELECT accepted FROM ops_quarantine")] == [1]


def test_an_unknown_customer_is_inferred_and_filled_in_later(shop: Shop) -> None:
    told = shop.facts()
    assert (told.exit_code, told.document["state"]) == (0, "done")
    assert told.document["notes"] == [
        "WARNING: fact_sale: 1 unknown members of dim_customer were inferred, as keys alone"
    ]
    (member,) = shop.sql("SELECT customer_id, region, is_inferred, is_current FROM dim_customer")
    assert member == {"customer_id": 7, "region": None, "is_inferred": 1, "is_current": 1}
    filled = {"read": 1, "loaded": 1, "repeated": 0, "quarantined": 0, "standing": 0}
    assert shop.run("load_dimensions", "--force").document["rows"] == filled
    shop.customers((7, "south", "2026-11-02 08:00:00"))
    closed = shop.run("load_dimensions", "--force")
    assert closed.document["rows"] == filled, "the version that it closes is no row of the source"
    rows = shop.sql("SELECT region, is_inferred, is_current, valid_from FROM dim_customer ORDER BY valid_from")
    assert [(row["region"], row["is_inferred"], row["is_current"]) for row in rows] == [
        ("north", 0, 0),
        ("south", 0, 1),
    ]
    assert rows[0]["valid_from"].year == 1970


def test_a_row_that_is_put_aside_infers_no_member(shop: Shop, warehouse_dir: Callable[..., Path]) -> None:
    warehouse_dir({"schema/fact_sale.sql": SALE.replace("-- infer", "-- tolerate: 1 row\n-- infer")})
    shop.drop("b.csv", "3,2026-11-01,1,7,open,1,1.00,y", "4,2026-11-01,1,9,lost,1,1.00,y")
    assert shop.facts().document["rows"] == {"read": 3, "loaded": 2, "repeated": 0, "quarantined": 1, "standing": 0}
    assert [row["customer_id"] for row in shop.sql("SELECT customer_id FROM dim_customer")] == [7]


def test_a_member_cannot_be_inferred_where_a_column_says_nothing_of_unknown_ones(
    shop: Shop, warehouse_dir: Callable[..., Path]
) -> None:
    shop.sql("DROP TABLE dim_customer FORCE")
    warehouse_dir(
        {"schema/dim_customer.sql": CUSTOMER.replace("region VARCHAR(10) NULL", "region VARCHAR(10) NOT NULL")}
    )
    assert shop.run("migrate").exit_code == 0
    refused = shop.facts()
    assert refused.exit_code == 78
    assert "members of dim_customer cannot be inferred: region NOT NULL without DEFAULT" in refused.error
    assert shop.sql("SELECT * FROM fact_sale") == shop.sql("SELECT * FROM dim_customer") == []


def test_a_source_without_a_column_is_told_with_what_it_has(shop: Shop) -> None:
    shop.drop("b.csv", "1", header="sale_id\n")
    failed = shop.facts()
    assert "its source has no column customer_id, note, quantity" in failed.error
    assert "it has: _file, _line, sale_id" in failed.error


def test_a_list_that_shrinks_is_refused_unless_it_is_meant(shop: Shop, warehouse_dir: Callable[..., Path]) -> None:
    assert shop.run("load_reference", "--force").exit_code == 0
    warehouse_dir({"reference-data/dim_colour.csv": "colour,hex\nred,#f00\n"})
    refused = shop.run("load_reference", "--force")
    assert refused.exit_code == 1
    assert "2 rows would become 1" in refused.error
    assert "--allow-deletes" in refused.document["hint"]
    assert len(shop.sql("SELECT * FROM dim_colour")) == 2
    assert shop.run("load_reference", "--force", "--allow-deletes").exit_code == 0
    assert len(shop.sql("SELECT * FROM dim_colour")) == 1


def test_a_dry_run_says_what_is_bad_and_writes_nothing(shop: Shop) -> None:
    shop.drop("b.csv", "2,2026-11-01,1,7,open,2a,1.50,x")
    dry = shop.run("load_facts", "--dry-run")
    assert dry.document["rows"]["read"] == 2
    assert dry.document["rows"]["quarantined"] == 1
    for table in ("fact_sale", "ops_quarantine", "ops_load"):
        assert shop.sql(f"SELECT * FROM {table}") == []


def test_a_lost_answer_to_commit_doubles_nothing(shop: Shop, losing: Callable[[str], dict[str, str]]) -> None:
    done = shop.run("load_facts", "--force", env=losing("COMMIT"))
    assert done.exit_code == 0
    assert len(shop.sql("SELECT * FROM fact_sale")) == 1
    assert len(shop.sql("SELECT * FROM ops_load")) == 1


def test_a_range_is_read_again_and_leaves_the_watermark_alone(shop: Shop) -> None:
    shop.customers((8, "west", "2026-10-05 00:00:00"))
    assert shop.run("load_dimensions", "--force").exit_code == 0
    before = shop.sql("SELECT part, position FROM ops_watermark")
    shop.sql("DELETE FROM dim_customer WHERE customer_id = 7")
    again = shop.run("load_dimensions", "--force", "--since", "2026-09-01", "--until", "2026-10-02")
    assert again.document["rows"]["loaded"] == 1
    assert shop.sql("SELECT part, position FROM ops_watermark") == before


def test_history_goes_month_by_month_and_is_not_loaded_twice(shop: Shop) -> None:
    shop.customers((8, "west", "2026-08-15 00:00:00"), (9, "east", "2026-11-03 12:00:00"))
    assert shop.run("load_history", "--only", "dim_customer").document["rows"]["loaded"] == 3
    parts = [row["part"][:10] for row in shop.sql("SELECT part FROM ops_load ORDER BY part")]
    assert parts == ["2026-08-15", "2026-09-01", "2026-10-01", "2026-11-01"]
    assert shop.run("load_history", "--only", "dim_customer").document["rows"]["loaded"] == 0
    assert shop.run("load_dimensions", "--force").document["rows"]["loaded"] == 0
    assert "2026-11-03 12:00:00" in shop.sql("SELECT position FROM ops_watermark")[0]["position"]
