"""Rows on their way into a table: the stage that they wait in, and what is to be done with them."""

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from emulator.storage.catalog import Table

OP = "__op"
_counter = itertools.count(1)
Kind = Literal["insert", "overwrite", "delete", "delete_where"]


@dataclass(frozen=True)
class Batch:
    """Rows on their way into a table.

    `stage`: the staging table; `columns`: the target columns it has (others take defaults, or their stored
    values when `partial`); `has_op`: it also has `__op` (0 upsert, 1 delete). `kind`: insert; overwrite (`scope`
    is the DuckDB condition for the rows to remove, '' = all, '*' = the partitions of the new rows); delete (PRIMARY, by
    key); delete_where (`scope` is the condition). `rows`: rows to report as loaded.
    """

    table: Table
    stage: str
    columns: tuple[str, ...]
    rows: int
    kind: Kind = "insert"
    has_op: bool = False
    partial: bool = False
    merge_condition: str | None = None
    scope: str = ""


def new_stage(cursor: duckdb.DuckDBPyConnection, select: str, parameters: list[Any] | None = None) -> tuple[str, int]:
    """Run a DuckDB SELECT into a new stage on `cursor`; give its name and its number of rows."""
    name = f"temp.main.stage_{next(_counter)}"
    result = cursor.execute(f"create temp table {name.rsplit('.', 1)[1]} as {select}", parameters or [])
    row = result.fetchone()
    return name, int(row[0]) if row else 0


def drop_stage(cursor: duckdb.DuckDBPyConnection, stage: str) -> None:
    """Forget a stage; absent is no error."""
    if stage:
        cursor.execute(f"drop table if exists {stage}")
