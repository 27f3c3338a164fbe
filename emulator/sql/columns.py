"""Reads a column definition of CREATE TABLE and ALTER TABLE.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/ColumnDefAnalyzer.java`.
"""

from sqlglot.tokenizer_core import TokenType

from emulator.errors import analysis, unsupported
from emulator.sql.reader import Reader
from emulator.sql.types import SqlType, parse_type
from emulator.storage.catalog import CURRENT_TIMESTAMP, Column

_AGGREGATIONS = ("SUM", "MAX", "MIN", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION")


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
    name = reader.identifier()
    if name.lower() in ("__op", "__row"):
        raise analysis(f"Column name {name} is reserved")
    kind = read_type(reader)
    key = reader.accept("KEY")
    aggregation = reader.accept_any(*_AGGREGATIONS)
    if aggregation is not None:
        raise unsupported(f"aggregation {aggregation} of column {name}")
    nullable = True
    if reader.accept("NOT", "NULL"):
        nullable = False
    else:
        reader.accept("NULL")
    default, is_function, generated = None, False, None
    if reader.accept("DEFAULT"):
        default, is_function = _default(reader, kind, nullable)
    elif reader.accept("AUTO_INCREMENT"):
        raise unsupported("AUTO_INCREMENT")
    elif reader.accept("AS"):
        generated = _generated(reader)
        if not nullable:
            raise analysis(f"Generated Column must be nullable column: {name}")
    comment = reader.comment()
    return Column(name, kind.desc, nullable, key, comment, default, is_function, generated)


def _default(reader: Reader, kind: SqlType, nullable: bool) -> tuple[str | None, bool]:
    token = reader.peek()
    if reader.accept("NULL"):
        if not nullable:
            raise analysis("Can not set null default value to non nullable column")
        return None, False
    if reader.accept("CURRENT_TIMESTAMP"):
        if reader.accept("("):
            reader.expect(")")
        if kind.name != "datetime":
            raise analysis(f"Default function now() for type {kind.show} is not supported")
        return CURRENT_TIMESTAMP, True
    if reader.accept("("):
        name = reader.identifier().lower()
        reader.expect("(", ")", ")")
        if name not in ("uuid", "uuid_numeric"):
            raise analysis(f"Default function {name}() is not supported")
        return f"{name}()", True
    if token is not None and token.token_type == TokenType.STRING:
        text = reader.string()
        check_default(kind, text)
        return text, False
    reader.take()
    raise analysis(f"Unsupported expr {token.text if token else ''} for default value")


def check_default(kind: SqlType, text: str) -> None:
    """Raise when the text is no value of the type."""
    import duckdb

    if kind.is_text and len(text.encode()) > (kind.length or 0):
        raise analysis(f"Default value is too long: '{text}' for {kind.show}")
    if kind.is_text or kind.name in ("json", "varbinary") or kind.items:
        return
    row = duckdb.execute(f"select try_cast($1 as {kind.duckdb})", [text]).fetchone()
    if row is None or row[0] is None:
        raise analysis(f"Invalid default value for '{kind.show}': '{text}'")


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
    return reader.source(start, reader.at)
