"""The ops_ tables: made, and brought to the columns of this version, before a run can write down that it runs."""

from __future__ import annotations

from lib import alteration, catalog, columns, statements, tables
from lib.warehouse import Warehouse, quote


def prepare(warehouse: Warehouse) -> None:
    """Creates the databases and the ops_ tables, and adds columns that an older version had not got.

    What differs in another way is told by `./run migrate` as for every other table. Raises `Refused` for a column that
    StarRocks will not add.
    """
    for database in tables.databases(warehouse):
        tables.ensure_database(warehouse, database.database)
    there = tables.names(warehouse)
    for table in catalog.tables().values():
        if table.kind != "ops":
            continue
        if table.name not in there:
            warehouse.write(table.ddl)
            continue
        has = columns.names(warehouse, table.name)
        for column in statements.declared_columns(table.path, table.ddl):
            if column.name.lower() not in has:
                added = f"ALTER TABLE {quote(table.name)} ADD COLUMN {column.definition}"
                alteration.execute(warehouse, table.path, added)
