"""Errors of the engine underneath, told in StarRocks' words."""

import re

import duckdb

from emulator.errors import StarRocksError, analysis, failed


def translated(error: duckdb.Error) -> StarRocksError:
    """The StarRocksError that stands for a DuckDB error."""
    text = next((line for line in str(error).split("\n") if line.strip()), type(error).__name__)
    detail = re.sub(r"^[\w ]*Error: ", "", text)
    ungrouped = re.search(r'column "?(\w+)"? must appear in the GROUP BY clause', text)
    if ungrouped:
        return analysis(f"'{ungrouped.group(1)}' must be an aggregate expression or appear in GROUP BY clause")
    if isinstance(error, duckdb.OutOfMemoryException):
        return failed(f"Memory of process exceed limit. {detail}")
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return analysis(detail)
    if isinstance(error, duckdb.InvalidInputException) and "More than one row returned by a subquery" in text:
        return failed("Expected LE 1 to be returned by expression")
    return failed(detail)
