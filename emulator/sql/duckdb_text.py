"""Rewritten trees as DuckDB SQL."""

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB


class Engine(DuckDB):
    """DuckDB as `emulator.storage.engine` sets it up: NULL comes first, and last when descending."""

    NULL_ORDERING = "nulls_are_small"


def generate(node: exp.Expr) -> str:
    """The DuckDB text of a rewritten tree."""
    return node.sql(dialect=Engine, comments=False)
