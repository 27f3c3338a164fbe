"""Reads a column definition of CREATE TABLE and ALTER TABLE.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/ColumnDefAnalyzer.java`, `sql/parser/AstBuilder.java`
(getColumnDef); recorded: `test/sql/test_default_value`, `test/sql/test_auto_increment`.
"""

import dataclasses
import json

import duckdb
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from emulator.errors import StarRocksError, analysis, syntax, unsupported
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.storage.catalog import CURRENT_TIMESTAMP, Column
from emulator.types.sql_type import SqlType, parse_type

_AGGREGATIONS = ("SUM", "MAX", "MIN", "REPLACE", "REPLACE_IF_NOT_NULL")
_REFUSED_AGGREGATIONS = ("HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION")
_UUID_LENGTH = 36


def read_type(reader: Reader) -> SqlType:
    """A type with its arguments: `DECIMAL(10, 2)`, `ARRAY<INT>`."""
    start = reader.at
    reader.take()
    if reader.accept("UNSIGNED"):
        raise analysis("Unsupported data type: UNSIGNED")
    if reader.next_is("("):
        reader.bracketed()
    elif reader.next_is("<"):
        depth = 0
        while True:
            token = reader.take()
            depth += token.text.count("<") - token.text.count(">")
            if depth <= 0:
                break
    return parse_type(reader.source(start, reader.at))


def read_column(reader: Reader) -> Column:
    """`name type [KEY] [agg] [NULL | NOT NULL] [DEFAULT ... | AUTO_INCREMENT | AS (...)] [COMMENT '..']`."""
    return read_definition(reader)[0]


def read_definition(reader: Reader) -> tuple[Column, bool]:
    """The column, and whether NULL was written, which a key of a PRIMARY KEY table may not have."""
    name = reader.identifier()
    if name.lower() in ("__op", "__row"):
        raise analysis(f"Column name {name} is reserved")
    if name.lower().startswith("__generated_partition_column_"):
        raise analysis(
            f"Column name [{name}] starts with __generated_partition_column_ is a system reserved name."
            " Please choose a different one."
        )
    kind = read_type(reader)
    key = reader.accept("KEY")
    aggregation = _aggregation(reader, name)
    if aggregation == "SUM" and kind.name == "decimal":
        kind = SqlType("decimal", precision=38, scale=kind.scale)
    written = "NOT NULL" if reader.accept("NOT", "NULL") else "NULL" if reader.accept("NULL") else ""
    column = Column(name, kind.desc, written != "NOT NULL", key, aggregation=aggregation)
    values: dict[str, object] = {}
    if reader.accept("DEFAULT"):
        values["default"], values["default_is_function"] = _default(reader, column)
    elif reader.accept("AUTO_INCREMENT"):
        values.update(_auto_increment(column, written))
    elif reader.accept("AS"):
        if written == "NOT NULL":
            raise syntax("Generated Column must be nullable column")
        if key:
            raise syntax("Generated Column can not be KEY")
        values["generated"] = _generated(reader)
    values["comment"] = reader.comment()
    if aggregation == "REPLACE_IF_NOT_NULL":
        values["nullable"] = True
    return dataclasses.replace(column, **values), written == "NULL"  # type: ignore[arg-type]


def _aggregation(reader: Reader, name: str) -> str:
    refused = reader.accept_any(*_REFUSED_AGGREGATIONS)
    if refused is not None:
        raise unsupported(f"aggregation {refused} of column {name}")
    return reader.accept_any(*_AGGREGATIONS) or ""


def _auto_increment(column: Column, written: str) -> dict[str, object]:
    if written == "NULL":
        raise syntax(f"AUTO_INCREMENT column {column.name} must be NOT NULL")
    if column.sql_type.name != "bigint":
        raise analysis("The AUTO_INCREMENT column must be BIGINT")
    return {"auto_increment": True, "nullable": False}


def _default(reader: Reader, column: Column) -> tuple[str | None, bool]:
    """(text or function, whether it is a function)."""
    token = reader.peek()
    kind = column.sql_type
    if reader.accept("NULL"):
        if not column.nullable:
            raise analysis(f"Invalid default value for '{column.name}'")
        return None, False
    if reader.accept("CURRENT_TIMESTAMP"):
        return _now(reader, column), True
    if reader.next_is("("):
        return _function(reader, column), True
    if token is not None and token.token_type == TokenType.STRING:
        value = reader.string()
        check_default(column.name, kind, value)
        return value, False
    if kind.items:
        raise unsupported(f"DEFAULT of column {column.name}: a value of type {kind.name.upper()}")
    reader.take()
    raise _invalid(column, f"Unsupported expr {token.text if token else ''} for default value")


def _invalid(column: Column, why: str) -> StarRocksError:
    return analysis(f"Invalid default value for '{column.name}': {why}")


def _now(reader: Reader, column: Column) -> str:
    digits = None
    if reader.accept("("):
        digits = None if reader.next_is(")") else reader.number()
        reader.expect(")")
    if column.sql_type.name != "datetime":
        raise _invalid(column, f"Default function now() for type {column.sql_type.title} is not supported")
    if digits is not None and digits > 6:
        raise analysis(f"precision must be between 0 and 6, but {digits} is given")
    return f"{CURRENT_TIMESTAMP}({digits})" if digits else CURRENT_TIMESTAMP


def _function(reader: Reader, column: Column) -> str:
    """`(uuid())`, `(uuid_numeric())`, `(now())`."""
    reader.expect("(")
    name = reader.identifier().lower()
    reader.expect("(", ")", ")")
    kind = column.sql_type
    fits = {"uuid": "varchar", "uuid_numeric": "largeint", "now": "datetime"}
    if name not in fits:
        raise _invalid(column, f"Default expr for function {name} is not supported")
    if kind.name != fits[name]:
        raise _invalid(column, f"Default function {name}() for type {kind.title} is not supported")
    if name == "uuid" and (kind.length or 0) < _UUID_LENGTH:
        raise _invalid(column, "Varchar type length must be greater than 36 for uuid function")
    return CURRENT_TIMESTAMP if name == "now" else f"{name}()"


def check_default(name: str, kind: SqlType, value: str) -> None:
    """Raise StarRocks' refusal when the text is no value of the column's type."""
    column = Column(name, kind.desc)
    if kind.items:
        raise _invalid(
            column,
            f"Default value for complex type '{kind.show}' requires expression syntax (e.g., [], map{{}}, row())",
        )
    if kind.is_text:
        if len(value) > (kind.length or 0):
            raise _invalid(column, f"Default value is too long: {value}")
        return
    if kind.name == "varbinary":
        if value:
            raise _invalid(column, "Type 'VARBINARY' only supports empty string \"\" as default value")
        return
    if kind.name == "json":
        _check_json(column, value)
        return
    row = duckdb.execute(f"select try_cast($1 as {kind.duckdb})", [value]).fetchone()
    if row is None or row[0] is None:
        raise _invalid(column, f"Invalid {kind.name} value: {value}")


def _check_json(column: Column, value: str) -> None:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(value, parse_constant=refuse)
    except ValueError as error:
        raise _invalid(column, f"Invalid JSON format for default value: {value}. Error: {error}") from None


def _generated(reader: Reader) -> str:
    """The expression after AS, up to COMMENT or the end of the column."""
    start, depth = reader.at, 0
    while (token := reader.peek()) is not None:
        if (
            depth == 0
            and token.token_type != TokenType.STRING
            and token.text.upper() in (",", ")", "COMMENT", "AFTER", "FIRST")
        ):
            break
        if token.token_type != TokenType.STRING:
            depth += (token.text == "(") - (token.text == ")")
        reader.at += 1
    return _without_brackets(reader.source(start, reader.at))


def _without_brackets(text: str) -> str:
    """`(a + b)` is shown as `a + b`, `(a) + (b)` as it is."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    tree = dialect.parse_expression(text)
    return text[1:-1].strip() if isinstance(tree, exp.Paren) else text
