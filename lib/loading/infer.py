"""Members of a dimension that are known only from facts: a row with the key and nothing else, marked as inferred."""

from __future__ import annotations

from collections.abc import Sequence

from lib.catalog import TableFile, tables
from lib.columns import of as columns_of
from lib.errors import Misconfigured
from lib.loading.mapping import INFERRED
from lib.loading.scd2 import CURRENT, FROM, OPEN_END, TO
from lib.warehouse import Warehouse, quote

# Before anything that a source can report.
BEGINNING = "1970-01-01 00:00:00"


def dimensions(table: TableFile) -> dict[str, tuple[str, list[str]]]:
    """Dimensions whose unknown members this table infers: name -> (key there, columns here)."""
    found: dict[str, tuple[str, list[str]]] = {}
    for column, (dimension, key) in table.references().items():
        if dimension in table.infer:
            found.setdefault(dimension, (key, []))[1].append(column)
    return found


def unknown(warehouse: Warehouse, rows: str, dimension: str, key: str, columns: list[str]) -> int:
    """How many keys of staged rows (a FROM clause) the dimension has not got."""
    return int(
        warehouse.value(f"SELECT count(*) AS n FROM ({_unknown(warehouse, rows, dimension, key, columns)}) u") or 0
    )


def insert(warehouse: Warehouse, rows: str, dimension: str, key: str, columns: list[str]) -> int:
    """Adds the unknown members; part of the transaction that publishes the facts. Returns how many."""
    table = tables()[dimension]
    if table.key != (key,):
        raise Misconfigured(f"{table.path}: only a dimension whose key is one column, {key}, can have inferred members")
    names, values = [quote(key), quote(INFERRED)], ["u.member", "TRUE"]
    if table.scd == 2:
        names += [quote(FROM), quote(TO), quote(CURRENT)]
        values += [f"CAST('{BEGINNING}' AS DATETIME)", f"CAST('{OPEN_END}' AS DATETIME)", "TRUE"]
    _check_rest(warehouse, table, names)
    return warehouse.write(
        f"INSERT INTO {quote(warehouse.database, dimension)} ({', '.join(names)})"
        f" SELECT {', '.join(values)} FROM ({_unknown(warehouse, rows, dimension, key, columns)}) u"
    ).rows


def _check_rest(warehouse: Warehouse, table: TableFile, given: Sequence[str]) -> None:
    """Every other column must say what it is for a member of which nothing is known.

    StarRocks does not refuse a subset of the columns for this: it fills NOT NULL ones without a default with empty
    texts and zeros (test/sql/test_insert_empty/R/test_insert_partial_update).
    """
    silent = [
        column.name
        for column in columns_of(warehouse, table.name)
        if not (column.nullable or column.has_default or column.generated or quote(column.name) in given)
    ]
    if silent:
        raise Misconfigured(
            f"{table.path}: members of {table.name} cannot be inferred: {', '.join(silent)} NOT NULL without DEFAULT",
            hint="make these columns NULL, or give them a DEFAULT; or take the table out of `-- infer:`",
        )


def _unknown(warehouse: Warehouse, rows: str, dimension: str, key: str, columns: list[str]) -> str:
    members = " UNION ".join(
        f"SELECT {quote(column)} AS member FROM ({rows}) s WHERE {quote(column)} IS NOT NULL" for column in columns
    )
    target = quote(warehouse.database, dimension)
    return f"SELECT DISTINCT m.member FROM ({members}) m LEFT ANTI JOIN {target} d ON d.{quote(key)} = m.member"
