"""The ops_ tables: made, and brought to the columns of this version, before a run can write down that it runs."""

from __future__ import annotations

from lib import alteration, catalog, columns, statements, tables
from lib.catalog import TableFile
from lib.warehouse import Warehouse, quote


def prepare(warehouse: Warehouse) -> None:
    """Creates the databases and the ops_ tables where there is no ledger; adds the columns that an older one lacks.

    What differs in another way is told by `./run migrate` as for every other table. Raises `Refused` for a column that
    StarRocks will not add.
    """
    ledger = [table for table in catalog.tables().values() if table.kind == "ops"]
    there = tables.names(warehouse)
    if not any(table.name in there for table in ledger):
        for database in tables.databases(warehouse):
            tables.ensure_database(warehouse, database.database)
        for table in ledger:
            warehouse.write(table.ddl)
    for table in ledger:
        if table.name in there:
            _add_columns(warehouse, table)


def _add_columns(warehouse: Warehouse, table: TableFile) -> None:
    has = columns.names(warehouse, table.name)
    for column in statements.declared_columns(table.path, table.ddl):
        if column.name.lower() not in has:
            added = f"ALTER TABLE {quote(table.name)} ADD COLUMN {column.definition}"
            alteration.execute(warehouse, table.path, added)
