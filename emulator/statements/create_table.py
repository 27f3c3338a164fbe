"""CREATE TABLE, CREATE TABLE LIKE, CREATE TABLE AS SELECT.

Source: `fe/fe-grammar/src/main/antlr/com/starrocks/grammar/StarRocks.g4` (createTableStatement),
`fe/fe-core/src/main/java/com/starrocks/sql/analyzer/CreateTableAnalyzer.java`, `ColumnDefAnalyzer.java`.
"""

import dataclasses
import time

from emulator.errors import analysis, syntax, table_exists, unsupported
from emulator.results import Ok, Result
from emulator.session import SYSTEM_DATABASES, Session
from emulator.sql import dialect
from emulator.sql.columns import read_column
from emulator.sql.reader import Reader
from emulator.sql.translate import column_expression, translate_query
from emulator.sql.types import KEY_TYPES, SqlType
from emulator.statements.registry import statement
from emulator.statements.select import context_of
from emulator.storage.catalog import AGGREGATE, DUPLICATE, PRIMARY, UNIQUE, Column, Table, quoted
from emulator.storage.engine import Unit
from emulator.storage.partitions import parse_partition_by

_MODELS = (DUPLICATE, PRIMARY, UNIQUE, AGGREGATE)
_FIXED = {"compression": "LZ4", "fast_schema_evolution": "true", "replicated_storage": "true", "replication_num": "1"}
_KNOWN_PROPERTIES = frozenset(
    {
        *_FIXED,
        "enable_persistent_index",
        "storage_medium",
        "bloom_filter_columns",
        "colocate_with",
        "partition_live_number",
        "partition_retention_condition",
        "storage_cooldown_ttl",
        "storage_cooldown_time",
        "write_quorum",
        "unique_constraints",
        "foreign_key_constraints",
        "bucket_size",
        "mutable_bucket_num",
        "replicated_storage",
        "base_compaction_forbidden_time_ranges",
        "persistent_index_type",
        "datacache.enable",
        "partition_refresh_number",
        "enable_load_profile",
        "light_schema_change",
    }
)


@statement("CREATE TABLE", "CREATE EXTERNAL TABLE", "CREATE TEMPORARY TABLE")
def create_table(session: Session, reader: Reader) -> Result:
    """CREATE TABLE [IF NOT EXISTS] t (...) ... | LIKE s | ... AS SELECT."""
    if "TABLE" not in (reader.tokens[1].text.upper(),):
        raise unsupported(f"CREATE {reader.tokens[1].text.upper()} TABLE")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    db, name = reader.qualified_name()
    db = session.db_of(db)
    if db in SYSTEM_DATABASES:
        raise unsupported(f"CREATE TABLE in {db}")
    exists = is_taken(session, db, name)
    table = (_like if reader.accept("LIKE") else _read)(session, db, name, reader)
    query = reader.rest().strip() if reader.accept("AS") else ""
    reader.end()
    if exists:
        if if_not_exists:
            return Ok()
        raise table_exists(name)
    if query:
        return _as_select(session, table, query)
    create(session, finished(table))
    return Ok()


def is_taken(session: Session, db: str, name: str) -> bool:
    """True when a table or view has the name. Raises 1235 for one that differs in case only."""
    for kind in ("table", "view"):
        for known_db, known in session.engine.items(kind):
            if known_db == db and known == name:
                return True
            if known_db == db and known.lower() == name.lower():
                raise unsupported(f"table {name} beside {known}: names that differ in the case of letters")
    return False


def _like(session: Session, db: str, name: str, reader: Reader) -> Table:
    source_db, source = reader.qualified_name()
    table = session.engine.table(session.db_of(source_db), source)
    number = session.engine.next_id()
    return dataclasses.replace(table, db=db, name=name, id=number, store=number, created=time.time())


def _read(session: Session, db: str, name: str, reader: Reader) -> Table:
    columns: list[Column] = []
    if reader.next_is("("):
        columns = _columns(reader)
    number = session.engine.next_id()
    table = Table(db, name, number, tuple(columns), store=number, created=time.time())
    if reader.accept("ENGINE", "="):
        engine = reader.word_or_string()
        if engine.lower() != "olap":
            raise unsupported(f"ENGINE={engine}")
    if reader.accept("DEFAULT", "CHARSET", "=") or reader.accept("CHARSET", "="):
        reader.take()
    return _clauses(table, reader)


def _columns(reader: Reader) -> list[Column]:
    reader.expect("(")
    columns: list[Column] = []
    while not reader.accept(")"):
        if reader.next_is("INDEX") and not _is_column_named_index(reader):
            _index(reader)
        else:
            columns.append(read_column(reader))
        if not reader.next_is(")"):
            reader.expect(",")
    seen: set[str] = set()
    for column in columns:
        if column.name.lower() in seen:
            raise analysis(f"Duplicate column name '{column.name}'", 1060)
        seen.add(column.name.lower())
    return columns


def _is_column_named_index(reader: Reader) -> bool:
    following = reader.peek(2)
    return following is None or following.text != "("


def _index(reader: Reader) -> None:
    """`INDEX name (column) USING BITMAP COMMENT ''`: no effect on results here."""
    reader.expect("INDEX")
    reader.identifier()
    reader.identifiers()
    if reader.accept("USING"):
        kind = reader.identifier().upper()
        if kind != "BITMAP":
            raise unsupported(f"{kind} index")
    reader.comment()


def _clauses(table: Table, reader: Reader) -> Table:
    """The clauses behind the columns, in their fixed order."""
    changes: dict[str, object] = {}
    model = reader.accept_any(*_MODELS)
    if model is not None:
        reader.expect("KEY")
        if model in (UNIQUE, AGGREGATE):
            raise unsupported(f"{model} KEY table")
        changes.update(model=model, keys=reader.identifiers())
    if reader.accept("COMMENT"):
        changes["comment"] = reader.string()
    if reader.accept("PARTITION", "BY"):
        text, names = _partition_by(reader)
        changes.update(partition_by=text, partition_columns=names)
    if reader.accept("DISTRIBUTED", "BY"):
        if reader.accept("HASH"):
            changes["distribution"] = reader.identifiers()
        else:
            reader.expect("RANDOM")
        if reader.accept("BUCKETS"):
            changes["buckets"] = reader.number()
    if reader.accept("ORDER", "BY"):
        changes["order_by"] = reader.identifiers()
    if reader.next_is("ROLLUP"):
        raise unsupported("ROLLUP")
    if reader.accept("PROPERTIES"):
        changes["properties"] = reader.properties()
    return dataclasses.replace(table, **changes)  # type: ignore[arg-type]


def _partition_by(reader: Reader) -> tuple[str, tuple[str, ...]]:
    for kind in ("RANGE", "LIST"):
        if reader.accept(kind):
            raise unsupported(f"PARTITION BY {kind} with partitions made by hand")
    start = reader.at
    if not reader.next_is("("):
        reader.identifier()
        while reader.accept("."):
            reader.identifier()
    if reader.next_is("("):
        reader.bracketed()
    else:
        while reader.accept(","):
            reader.identifier()
    if reader.next_is("("):
        raise unsupported("PARTITION BY with partitions made by hand")
    return parse_partition_by(reader.source(start, reader.at))


def finished(table: Table) -> Table:
    """The table with its keys found and everything checked. Raises StarRocks' refusals."""
    if not table.columns:
        raise analysis("Table must have at least one column")
    table = _with_keys(table)
    for name in (*table.partition_columns, *table.distribution, *table.order_by):
        if table.column(name) is None:
            raise analysis(f"Column '{name}' does not exist in table '{table.name}'")
    for key in table.properties:
        if key not in _KNOWN_PROPERTIES and not key.startswith("dynamic_partition."):
            raise analysis(f"Unknown properties: {{{key}={table.properties[key]}}}")
        if key.startswith("dynamic_partition."):
            raise unsupported("dynamic_partition properties")
    if table.model == PRIMARY:
        _check_primary(table)
    fixed = {**_FIXED, **({"enable_persistent_index": "true"} if table.model == PRIMARY else {})}
    table = dataclasses.replace(table, properties={**fixed, **table.properties})
    for column in table.columns:
        if column.generated is not None:
            column_expression(column.generated, table)
    return table


def _with_keys(table: Table) -> Table:
    keys = table.keys
    if not keys and table.model == DUPLICATE:
        keys = _default_keys(table)
    real = []
    for position, key in enumerate(keys):
        column = table.column(key)
        if column is None:
            raise analysis(f"Key column({key}) doesn't exist.")
        if position >= len(table.columns) or table.columns[position].name != column.name:
            raise analysis(
                "Key columns must be the first few columns of the schema and the order of the key columns"
                " must be consistent with the order of the schema"
            )
        if (
            table.keys
            and column.sql_type.name not in KEY_TYPES
            and not (table.model == DUPLICATE and column.sql_type.name == "decimal")
        ):
            raise analysis(f"Invalid data type of key column '{column.name}': '{column.sql_type.show}'")
        if column.generated is not None:
            raise syntax("Generated Column can not be KEY")
        real.append(column.name)
    columns = tuple(
        dataclasses.replace(
            c, key=c.name in real, nullable=c.nullable and not (table.model == PRIMARY and c.name in real)
        )
        for c in table.columns
    )
    named = {column.name.lower(): column.name for column in columns}

    def written(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(named.get(name.lower(), name) for name in names)

    return dataclasses.replace(
        table,
        keys=tuple(real),
        columns=columns,
        partition_columns=written(table.partition_columns),
        distribution=written(table.distribution),
        order_by=written(table.order_by),
    )


def _default_keys(table: Table) -> tuple[str, ...]:
    """Without a KEY clause: the first three columns, up to 36 bytes, ending with the first text."""
    sizes = {"boolean": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "largeint": 16, "date": 3, "datetime": 8}
    found: list[str] = []
    total = 0
    for column in table.columns[:3]:
        kind = column.sql_type
        total += sizes.get(kind.name, kind.length or 8)
        if (kind.name not in KEY_TYPES and kind.name != "decimal") or column.generated is not None:
            break
        if total > 36 and not (kind.name == "varchar" and not found) and found:
            break
        found.append(column.name)
        if kind.name == "varchar":
            break
    return tuple(found)


def _check_primary(table: Table) -> None:
    for name in table.partition_columns:
        if name not in table.keys:
            raise analysis(f"The partition column '{name}' of a PRIMARY KEY table must be a key column")
    for name in table.distribution:
        if name not in table.keys:
            raise analysis(f"Distribution column[{name}] is not key column")


def create(session: Session, table: Table, unit: Unit | None = None) -> None:
    """Make the empty DuckDB table and put the object into the catalogue, in a unit of its own when none is given."""
    if unit is None:
        with session.engine.write(session.cursor) as own:
            create(session, table, own)
        return
    if session.engine.get("table", table.db, table.name) is not None and table.name:
        raise table_exists(table.name)
    unit.execute(f"create table {table.physical} ({storage(table.columns)})")
    unit.save(table)


def storage(columns: tuple[Column, ...]) -> str:
    """Column list of the DuckDB table: types only; rules are kept when rows are written."""
    return ", ".join(f"{quoted(column.name)} {column.sql_type.duckdb}" for column in columns)


def _as_select(session: Session, table: Table, query: str) -> Ok:
    from emulator.statements.insert import Insert, write

    translation = translate_query(context_of(session), dialect.parse(query))
    if not table.columns:
        columns = tuple(Column(name, stored(kind).desc) for name, kind in translation.columns)
        table = dataclasses.replace(table, columns=columns)
    table = finished(table)
    create(session, table)
    try:
        return write(session, Insert(table), translation)
    except Exception:
        from emulator.statements.drop import remove_table

        with session.engine.write(session.cursor) as unit:
            remove_table(unit, table)
        raise


def stored(kind: SqlType | None) -> SqlType:
    """The type of a CTAS or view column: texts are VARCHAR(65533), NULL is BOOLEAN."""
    if kind is None or kind.is_text:
        return SqlType("varchar", length=65533)
    return SqlType("boolean") if kind.name == "null" else kind
