"""SQL that turns the text of a field into a column's type, NULL where StarRocks' converters refuse it.

Sources: be/src/formats/csv/*_converter.cpp for CSV, be/src/formats/json/*_column.cpp for JSON.
"""

from __future__ import annotations

from emulator.stream_load.body import Body
from emulator.stream_load.headers import LoadError
from emulator.types.sql_type import SqlType

LONGEST_TEXT_BYTES = 1_048_576
_REAL = ("decimal", "float", "double")
_SMALL = ("tinyint", "smallint", "int")


def text(body: Body, name: str) -> str:
    """The field as VARCHAR: JSON strings without quotes and escapes, JSON booleans as 1 and 0."""
    value = body.text(name)
    if not body.json:
        return value
    bare = f"case {value} when 'true' then '1' when 'false' then '0' else {value} end"
    return (
        f"case when not starts_with({value}, '\"') then {bare} "
        f"when contains({value}, '\\') then json_extract_string({value}, '$') else {value}[2:-2] end"
    )


def converted(body: Body, name: str, sql_type: SqlType) -> str:
    """The field as a value of the column's DuckDB type.

    Raises LoadError for types that this server does not load.
    """
    value = body.text(name)
    if body.is_converted(name):
        return value
    if sql_type.name == "varbinary":
        raise LoadError("Stream Load into a VARBINARY column is not supported by the embedded server")
    if sql_type.name == "json":
        return f"cast({value} as json)" if body.json else f"try_cast({value} as json)"
    if sql_type.items:
        return f"try_cast(try_cast({value} as json) as {sql_type.duckdb})"
    if sql_type.is_text:
        value = text(body, name)
        return f"case when strlen({value}) <= {sql_type.length or LONGEST_TEXT_BYTES} then {value} end"
    if body.json:
        value = f"trim({value}, '\"')"
    return from_text(value, sql_type, not body.has_points(name))


def from_text(value: str, sql_type: SqlType, only_digits: bool = False) -> str:
    """A VARCHAR expression as a value of a type without inner ones."""
    if sql_type.is_text:
        return value
    if only_digits and (sql_type.is_integer or sql_type.name in _REAL):
        return f"try_cast({value} as {sql_type.duckdb})"
    if sql_type.is_integer:
        return _integer(value, sql_type)
    if sql_type.name == "boolean":
        return (
            f"case lower(trim({value})) when 'true' then true when 'false' then false "
            f"else try_cast({value} as double) <> 0 end"
        )
    if sql_type.name == "date":
        return f"coalesce(try_cast({value} as date), cast({_datetime(value)} as date))"
    if sql_type.name == "datetime":
        return _datetime(value)
    return f"case when not contains({value}, '_') then try_cast({value} as {sql_type.duckdb}) end"


def _integer(value: str, sql_type: SqlType) -> str:
    """Digits after a point are cut off; DuckDB alone would round, and would take 1_000."""
    wide = "double" if sql_type.name in _SMALL else "decimal(38, 9)"
    duckdb = sql_type.duckdb
    return (
        f"case when contains({value}, '.') then try_cast(trunc(try_cast({value} as {wide})) as {duckdb}) "
        f"when not contains({value}, '_') then try_cast({value} as {duckdb}) end"
    )


def _datetime(value: str) -> str:
    return f"coalesce(try_cast({value} as timestamp), sr_to_datetime({value}))"
