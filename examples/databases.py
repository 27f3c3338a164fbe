"""The operational databases, as SQLite files: `shop.db` (customer, material) and `exchange.db` (users)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple
from datetime import datetime
from pathlib import Path

from examples.shop import Customer, Material
from examples.users import User

_SHOP = """
CREATE TABLE IF NOT EXISTS customer (
    customer_id INTEGER PRIMARY KEY, name VARCHAR(200), region VARCHAR(20), sales_group VARCHAR(3),
    segment VARCHAR(20), updated_at DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS customer_updated ON customer (updated_at, customer_id);
CREATE TABLE IF NOT EXISTS material (
    material_id VARCHAR(18) PRIMARY KEY, material_name VARCHAR(120), category VARCHAR(40), unit VARCHAR(10),
    list_price VARCHAR(20), updated_at DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS material_updated ON material (updated_at, material_id);
"""
# user_id is text: SQLite's integers end at 2^63, those of the exchange at 2^64.
_EXCHANGE = """
CREATE TABLE IF NOT EXISTS users (
    user_id VARCHAR(20) PRIMARY KEY, country VARCHAR(2), region VARCHAR(20), tier VARCHAR(10),
    updated_at DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS users_updated ON users (updated_at, user_id);
"""


def write_shop(path: Path, customers: Iterable[Customer], materials: Iterable[Material]) -> None:
    """Brings `shop.db` to the given state in one transaction."""
    _write(
        path,
        _SHOP,
        {"customer": [astuple(row) for row in customers], "material": [astuple(row) for row in materials]},
    )


def write_exchange(path: Path, users: Iterable[User]) -> None:
    """Brings `exchange.db` to the given state in one transaction."""
    _write(path, _EXCHANGE, {"users": [(str(user.user_id), *astuple(user)[1:]) for user in users]})


def _write(path: Path, schema: str, tables: dict[str, Sequence[tuple[object, ...]]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(schema)
        with database:
            for table, rows in tables.items():
                for row in rows:
                    marks = ", ".join("?" * len(row))
                    database.execute(
                        f"INSERT OR REPLACE INTO {table} VALUES ({marks})", [_plain(value) for value in row]
                    )


def _plain(value: object) -> object:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
