"""A night on an embedded server, with tables that the tests fill with right and wrong rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pytest

from emulator.server import Server
from lib.catalog import Check, read_check
from lib.checks import Night
from lib.headers import Line
from lib.warehouse import Warehouse

_numbers = itertools.count(1)
NOW = datetime(2026, 11, 2, 6, 40)
TABLES = (
    "CREATE TABLE fact_sale (id BIGINT NOT NULL, sold_at DATETIME NULL, sold_date DATE NULL, status VARCHAR(400) NULL,"
    " amount DECIMAL(10,2) NULL, customer_id BIGINT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1",
    "CREATE TABLE dim_customer (customer_id BIGINT NOT NULL, valid_from DATETIME NOT NULL, valid_to DATETIME NOT NULL,"
    " is_current BOOLEAN NOT NULL) DUPLICATE KEY (customer_id) DISTRIBUTED BY HASH (customer_id) BUCKETS 1",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for the tests of a file."""
    with Server() as running:
        yield running


@pytest.fixture
def night(server: Server, environment: Callable[..., None]) -> Iterator[Night]:
    """The morning of the night of 2026-11-01, in a database of its own with the tables of this file and the ledger."""
    database = f"dw_{next(_numbers)}"
    environment(STARROCKS_PORT=server.mysql_port, STARROCKS_DATABASE=database, NIGHTSHIFT_ATTEMPTS=1)
    with closing(Warehouse(job="test", run_id="test")) as warehouse:
        warehouse.write(f"CREATE DATABASE {database}")
        warehouse.close()
        for statement in (*TABLES, *_ledger()):
            warehouse.write(statement)
        yield Night(warehouse, date(2026, 11, 1), NOW)


def _ledger() -> list[str]:
    from lib.headers import read

    folder = Path(__file__).resolve().parents[3] / "schema"
    found = [read(path, required=("purpose", "owner"), optional=()) for path in sorted(folder.glob("ops_*.sql"))]
    return [header.sql.strip().rstrip(";") for header in found]


@pytest.fixture
def declared() -> Callable[[str], Check]:
    """A check as line 7 of a table file declares it."""
    return lambda text: read_check(Line("check", text, Path("schema/fact_sale.sql"), 7))
