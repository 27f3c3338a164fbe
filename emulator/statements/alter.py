"""ALTER TABLE: columns, comment, rename, swap, properties; SHOW ALTER TABLE COLUMN.

A change of columns is an asynchronous job in StarRocks. Here its rows are rewritten at once, in one unit of work; the
job is shown as PENDING, RUNNING, FINISHED over `async_delay_ms`, and until then another one is refused.
Source: `fe/fe-core/src/main/java/com/starrocks/alter/SchemaChangeHandler.java`; recorded: `test/sql/test_alter_table`.
"""

import dataclasses
import time
from collections.abc import Callable

from emulator.errors import analysis, failed, unsupported
from emulator.hooks import table_changed
from emulator.information_schema.registry import moment
from emulator.results import Ok, Result
from emulator.session import Session
from emulator.sql.columns import read_column
from emulator.sql.reader import Reader
from emulator.sql.translate import column_expression
from emulator.sql.types import INTEGERS, SqlType
from emulator.statements.create_table import is_taken, storage
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered
from emulator.storage import partitions
from emulator.storage.catalog import PRIMARY, Column, Table, quoted
from emulator.storage.engine import Unit
from emulator.storage.writing import default_sql, touch, visible_names

Change = Callable[[Table], Table]


@statement("ALTER TABLE")
def alter_table(session: Session, reader: Reader) -> Result:
    """ALTER TABLE t clause [, clause ...]."""
    db, name = reader.qualified_name()
    table = session.engine.table(session.db_of(db), name)
    simple = _simple(session, table, reader)
    if simple is not None:
        reader.end()
        return simple
    renamed: dict[str, str] = {}
    changed = table
    while True:
        changed = _column_clause(changed, reader, renamed)
        if not reader.accept(","):
            break
    reader.end()
    _refuse_while_running(session, table)
    _rewrite(session, table, changed, renamed)
    return Ok()


def _simple(session: Session, table: Table, reader: Reader) -> Ok | None:
    """The clauses that are done at once."""
    if reader.accept("COMMENT"):
        reader.accept("=")
        return _save(session, dataclasses.replace(table, comment=reader.string()))
    if reader.accept("SWAP", "WITH"):
        return _swap(session, table, reader.identifier())
    if reader.accept("SET"):
        found = {key.removeprefix("default."): value for key, value in reader.properties().items()}
        return _save(session, dataclasses.replace(table, properties={**table.properties, **found}))
    if reader.next_is("RENAME") and not reader.next_is("RENAME", "COLUMN"):
        reader.expect("RENAME")
        if reader.next_is("PARTITION") or reader.next_is("ROLLUP"):
            raise unsupported(f"ALTER TABLE RENAME {reader.identifier().upper()}")
        return _rename(session, table, reader.identifier())
    if reader.accept("DROP", "PARTITION") or reader.accept("TRUNCATE", "PARTITION"):
        dropping = reader.tokens[reader.at - 2].text.upper() == "DROP"
        if_exists = reader.accept("IF", "EXISTS")
        name = reader.identifier()
        reader.accept("FORCE")
        return _partition(session, table, name, dropping, if_exists)
    if reader.next_is("MODIFY", "COLUMN") and _word(reader, 3) == "COMMENT":
        reader.expect("MODIFY", "COLUMN")
        return _column_comment(session, table, reader)
    return None


def _word(reader: Reader, ahead: int) -> str:
    token = reader.peek(ahead)
    return token.text.upper() if token is not None else ""


def _save(session: Session, table: Table) -> Ok:
    with session.engine.write(session.cursor) as unit:
        unit.save(table)
    return Ok()


def _column_comment(session: Session, table: Table, reader: Reader) -> Ok:
    name = reader.identifier()
    comment = reader.comment()
    column = _existing(table, name)
    columns = tuple(dataclasses.replace(c, comment=comment) if c is column else c for c in table.columns)
    return _save(session, dataclasses.replace(table, columns=columns))


def _rename(session: Session, table: Table, name: str) -> Ok:
    if is_taken(session, table.db, name):
        raise failed(f"Table name[{name}] is already used")
    with session.engine.write(session.cursor) as unit:
        unit.delete("table", table.db, table.name)
        unit.save(dataclasses.replace(table, name=name))
        table_changed(session.server, unit, table.db, table.name, f"base-table renamed: {table.name}")
    return Ok()


def _swap(session: Session, table: Table, name: str) -> Ok:
    """Two tables change their names, at once."""
    other = session.engine.table(table.db, name)
    for each in (table, other):
        if session.engine.materialized_view(each.db, each.name) is not None:
            raise failed("Materialized view can only SWAP WITH materialized view")
    with session.engine.write(session.cursor) as unit:
        unit.save(dataclasses.replace(table, name=other.name))
        unit.save(dataclasses.replace(other, name=table.name))
        for each in (table, other):
            table_changed(session.server, unit, each.db, each.name, f"base-table swapped: {each.name}")
    return Ok()


def _partition(session: Session, table: Table, name: str, dropping: bool, if_exists: bool) -> Ok:
    known = visible_names(session.engine, table)
    if name not in known:
        if if_exists:
            return Ok()
        raise failed(f"Error in list of partitions to [{name}]", 1507)
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"delete from {table.physical} where {partitions.predicate(table, [name], known)}")
        touch(session.engine, unit, table, [name])
        if dropping:
            state = unit.changes["visible", "", str(table.id)]
            left = {key: value for key, value in state["partitions"].items() if key != name}
            unit.put("visible", "", str(table.id), {**state, "partitions": left})
    return Ok()


# -- columns -------------------------------------------------------------------------------------------------------


def _column_clause(table: Table, reader: Reader, renamed: dict[str, str]) -> Table:
    """One ADD, DROP, MODIFY or RENAME COLUMN."""
    if reader.accept("ADD", "COLUMN"):
        if reader.accept("("):
            while True:
                table = _add(table, read_column(reader), reader)
                if not reader.accept(","):
                    break
            reader.expect(")")
            return table
        return _add(table, read_column(reader), reader)
    if reader.accept("DROP", "COLUMN"):
        return _drop(table, reader.identifier())
    if reader.accept("MODIFY", "COLUMN"):
        return _modify(table, read_column(reader), reader)
    if reader.accept("RENAME", "COLUMN"):
        old = reader.identifier()
        reader.expect("TO")
        return _rename_column(table, old, reader.identifier(), renamed)
    words = " ".join(token.text.upper() for token in reader.tokens[reader.at : reader.at + 2] if token.text.isalpha())
    raise unsupported(f"ALTER TABLE {words}")


def _existing(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise failed(f"Column does not exists: {name}")
    return column


def _add(table: Table, column: Column, reader: Reader) -> Table:
    if table.column(column.name) is not None:
        raise failed(f"Can not add column which already exists in base table: {column.name}")
    if column.key:
        raise unsupported("ADD COLUMN ... KEY")
    if not column.nullable and column.default is None and column.generated is None:
        raise analysis(f"Column[{column.name}] is not null and has no default value")
    columns = list(table.columns)
    if reader.accept("FIRST"):
        raise failed(f"Can not add column {column.name} as key column in {table.model.lower()} data model table")
    if reader.accept("AFTER"):
        after = columns.index(_existing(table, reader.identifier())) + 1
        if after < len(table.keys):
            raise failed(f"Invalid column order. value should be after key. index[{table.name}]")
        columns.insert(after, column)
    else:
        plain = sum(each.generated is None for each in columns)
        columns.insert(len(columns) if column.generated is not None else plain, column)
    return dataclasses.replace(table, columns=tuple(columns))


def _drop(table: Table, name: str) -> Table:
    column = _existing(table, name)
    if column.name in table.partition_columns:
        raise failed(f"Partition column[{column.name}] cannot be dropped. index[{table.name}]")
    if column.key:
        if table.model == PRIMARY:
            raise failed("Can not drop key column in primary data model table")
        if column.name in table.distribution:
            raise failed(f"Distribution column[{column.name}] cannot be dropped. index[{table.name}]")
    elif column.name in table.distribution:
        raise failed(f"Distribution column[{column.name}] cannot be dropped. index[{table.name}]")
    if column.name in table.order_by and table.model == PRIMARY:
        raise failed("Can not drop sort column in primary data model table")
    kept = tuple(each for each in table.columns if each is not column)
    return dataclasses.replace(table, columns=kept, keys=tuple(key for key in table.keys if key != column.name))


def _modify(table: Table, column: Column, reader: Reader) -> Table:
    old = _existing(table, column.name)
    if old.key and table.model == PRIMARY:
        raise failed(f"Can not modify key column: {old.name} for primary key table")
    if old.name in table.partition_columns or old.name in table.distribution:
        kind = "partition" if old.name in table.partition_columns else "distribution"
        raise failed(f"Can not modify {kind} column[{old.name}]. index[{table.name}]")
    if old.nullable and not column.nullable:
        raise failed(f"Can not change from nullable to non-nullable. Column: {old.name}")
    if not _may_become(old.sql_type, column.sql_type):
        raise failed(f"Can not change {old.sql_type.show} to {column.sql_type.show}")
    new = dataclasses.replace(column, name=old.name, key=old.key, comment=column.comment or old.comment)
    columns = [new if each is old else each for each in table.columns]
    if reader.accept("AFTER"):
        columns.remove(new)
        columns.insert(columns.index(_existing(table, reader.identifier())) + 1, new)
    return dataclasses.replace(table, columns=tuple(columns))


def _may_become(old: SqlType, new: SqlType) -> bool:
    """StarRocks widens only (`ColumnType`'s table of allowed changes)."""
    if old.is_text and new.is_text:
        return (new.length or 0) >= (old.length or 0)
    if old.name == new.name:
        same_scale = (new.scale or 0) >= (old.scale or 0)
        return same_scale and (new.precision or 0) - (new.scale or 0) >= (old.precision or 0) - (old.scale or 0)
    if old.is_integer and new.is_integer:
        return INTEGERS.index(new.name) > INTEGERS.index(old.name)
    if new.name == "varchar":
        return old.is_integer or old.name in {"float", "double", "date", "decimal", "json"}
    allowed = {("float", "double"), ("date", "datetime"), ("datetime", "date"), ("int", "date"), ("varchar", "json")}
    return (
        (old.name, new.name) in allowed
        or (old.is_integer and new.name in {"float", "double"})
        or (old.is_text and new.name in {*INTEGERS, "float", "double", "date"})
    )


def _rename_column(table: Table, old: str, new: str, renamed: dict[str, str]) -> Table:
    column = _existing(table, old)
    if table.column(new) is not None:
        raise failed(f"Column name[{new}] is already used")
    if column.name in table.partition_columns and not table.partition_by == ", ".join(table.partition_columns):
        raise unsupported("RENAME COLUMN of a partition column")
    renamed[new] = renamed.pop(column.name, column.name)

    def names(listed: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == column.name else name for name in listed)

    columns = tuple(dataclasses.replace(c, name=new) if c is column else c for c in table.columns)
    return dataclasses.replace(
        table,
        columns=columns,
        keys=names(table.keys),
        distribution=names(table.distribution),
        order_by=names(table.order_by),
        partition_columns=names(table.partition_columns),
        partition_by=", ".join(names(table.partition_columns)) if "(" not in table.partition_by else table.partition_by,
    )


def _rewrite(session: Session, old: Table, new: Table, renamed: dict[str, str]) -> None:
    """Put the rows into a table of the new shape; the job's record in the same unit of work."""
    new = dataclasses.replace(new, store=session.engine.next_id())
    values = []
    for column in new.columns:
        source = old.column(renamed.get(column.name, column.name))
        if column.generated is not None:
            continue
        value = default_sql(column) if source is None or source.generated else quoted(source.name)
        values.append(f"cast({value} as {column.sql_type.duckdb}) as {quoted(column.name)}")
    rows = f"(select {', '.join(values)} from {old.physical})"
    listed = ", ".join(
        quoted(c.name)
        if c.generated is None
        else f"cast(({column_expression(c.generated, new)}) as {c.sql_type.duckdb})"
        for c in new.columns
    )
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"create table {new.physical} ({storage(new.columns)})")
        unit.execute(f"insert into {new.physical} select {listed} from {rows}")
        unit.execute(f"drop table {old.physical}")
        unit.save(new)
        _record(session, unit, new)
        gone = [c.name for c in old.columns if new.column(c.name) is None or new.column(c.name).type != c.type]  # type: ignore[union-attr]
        if gone:
            reason = f"base table schema changed for columns: {','.join(gone)}"
            table_changed(session.server, unit, new.db, new.name, reason)


def _record(session: Session, unit: Unit, table: Table) -> None:
    number = session.engine.next_id()
    body = {"id": number, "table": table.name, "table_id": table.id, "created": time.time(), "index_id": table.store}
    unit.put("alter_job", table.db, str(number), {**body, "delay": session.server.async_delay_ms / 1000})


def _state(job: dict[str, float]) -> str:
    passed = time.time() - job["created"]
    if passed >= 2 * job["delay"]:
        return "FINISHED"
    return "RUNNING" if passed >= job["delay"] else "PENDING"


def _refuse_while_running(session: Session, table: Table) -> None:
    for job in session.engine.all("alter_job", table.db):
        if job["table_id"] == table.id and _state(job) != "FINISHED":
            raise failed(f"table {table.name} state is SCHEMA_CHANGE, should be NORMAL")


@statement("SHOW ALTER TABLE COLUMN")
def show_alter_column(session: Session, reader: Reader) -> Result:
    """SHOW ALTER TABLE COLUMN [FROM db] [WHERE ..] [ORDER BY ..] [LIMIT ..]."""
    db = session.db_of(reader.qualified_name()[1] if reader.accept("FROM") else "")
    names = [
        "JobId:bigint",
        "TableName",
        "CreateTime:datetime",
        "FinishTime:datetime",
        "IndexName",
        "IndexId:bigint",
        "OriginIndexId:bigint",
        "SchemaVersion",
        "TransactionId:bigint",
        "State",
        "Msg",
        "Progress",
        "Timeout:bigint",
    ]
    listed = []
    for job in session.engine.all("alter_job", db):
        state = _state(job)
        end = moment(job["created"] + 2 * job["delay"]) if state == "FINISHED" else None
        listed.append(
            [
                job["id"],
                job["table"],
                moment(job["created"]),
                end,
                job["table"],
                job["index_id"],
                job["table_id"],
                "1:0",
                job["id"],
                state,
                "",
                "0%" if state == "RUNNING" else None,
                86400,
            ]
        )
    return filtered(session, reader, names, sorted(listed, key=lambda row: int(str(row[0]))), like_column=1)


@statement("SHOW ALTER TABLE ROLLUP", "SHOW ALTER TABLE OPTIMIZE", "SHOW ALTER MATERIALIZED VIEW")
def show_alter_other(session: Session, reader: Reader) -> Result:
    """Such jobs never run here."""
    session.db_of(reader.qualified_name()[1] if reader.accept("FROM") else "")
    return filtered(session, reader, ["JobId", "TableName", "CreateTime", "FinishTime", "State", "Msg", "Progress"], [])
