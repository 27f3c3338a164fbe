"""What a column holds where a writer leaves it out."""

from emulator.storage.catalog import Column, Table, quoted

_NUMBERS = ("boolean", "tinyint", "smallint", "int", "bigint", "largeint", "float", "double", "decimal")
_EMPTY = {
    **dict.fromkeys(_NUMBERS, "0"),
    "char": "''",
    "varchar": "''",
    "date": "'0000-01-01'",
    "datetime": "'0000-01-01'",
}
_NOW = "epoch_us(cast(current_timestamp as timestamp))"
_FUNCTIONS = {
    "CURRENT_TIMESTAMP": "sr_now()",
    **{
        f"CURRENT_TIMESTAMP({digits})": f"make_timestamp({_NOW} // {10 ** (6 - digits)} * {10 ** (6 - digits)})"
        for digits in range(1, 7)
    },
    "uuid()": "cast(uuid() as varchar)",
    "uuid_numeric()": "cast(hash(uuid()) as hugeint)",
}


def default_sql(column: Column) -> str:
    """DuckDB expression for a column that a writer leaves out.

    Without a default NULL; where NULL is not allowed, which a partial update does not refuse, an empty text or zero
    (test/sql/test_insert_empty/R/test_insert_partial_update; be/src/types/value_generator.h).
    """
    if column.default is None:
        empty = "null" if column.nullable else _EMPTY.get(column.sql_type.name, "null")
        return f"cast({empty} as {column.sql_type.duckdb})"
    if column.default_is_function:
        return _FUNCTIONS[column.default]
    text = "'" + column.default.replace("'", "''") + "'"
    return f"cast({text} as {column.sql_type.duckdb})"


def required_missing(table: Table, given: tuple[str, ...]) -> str | None:
    """The first column that must be given (NOT NULL, no default) and is not."""
    lowered = {name.lower() for name in given}
    missing = (c.name for c in table.plain_columns if not c.has_default and c.name.lower() not in lowered)
    return next(missing, None)


def with_defaults(table: Table, columns: tuple[str, ...], stage: str) -> str:
    """The stage; where generated columns may read a column that was left out, the stage with defaults added."""
    given = {name.lower() for name in columns}
    missing = [c for c in table.plain_columns if c.name.lower() not in given]
    if not missing or all(column.generated is None for column in table.columns):
        return stage
    extra = "".join(f", {default_sql(column)} as {quoted(column.name)}" for column in missing)
    return f"(select *{extra} from {stage})"
