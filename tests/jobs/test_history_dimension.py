"""load_history --full of a dimension: members that only facts know are carried over."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.jobs.conftest import Completed
from tests.jobs.test_loads import HEADER, SALE
from tests.shop import CUSTOMER


def test_inferred_members_outlive_a_renewal(
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Callable[..., Completed],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    warehouse_dir({"schema/dim_customer.sql": CUSTOMER, "schema/fact_sale.sql": SALE})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.csv").write_text(f"{HEADER}1,2026-11-01,1,9,open,2,1.50,x\n", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, region, updated_at)")
        database.execute("INSERT INTO customer VALUES (7, 'north', '2026-10-01 00:00:00')")
    assert run_job("migrate").exit_code == 0
    assert run_job("load_history").exit_code == 0
    query = "SELECT customer_id, region, is_inferred, is_current FROM dim_customer ORDER BY customer_id"
    before = sql(query)
    assert [(row["customer_id"], row["is_inferred"]) for row in before] == [(7, 0), (9, 1)]
    sql("UPDATE dim_customer SET region = 'wrong' WHERE customer_id = 7")
    renewed = run_job("load_history", "--only", "dim_customer", "--full")
    assert renewed.exit_code == 0, renewed
    assert sql(query) == before
