"""CREATE, REFRESH, ALTER, DROP, SHOW of materialized views.

Grammar: createMaterializedViewStatement, refreshMaterializedViewStatement, alterMaterializedViewStatement in
StarRocks.g4; messages: fe/fe-core/src/main/java/com/starrocks/sql/analyzer/MaterializedViewAnalyzer.java,
alter/AlterJobMgr.java.

Differs: queries are not rewritten to use a view; an inactive view stays so until ALTER ... ACTIVE (StarRocks tries
again every minute); ASYNC views look for changed bases every second; a schedule counts from START in UTC.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.errors import StarRocksError, analysis, failed, table_exists, unsupported
from emulator.information_schema import materialized_views as reports
from emulator.materialized_views import definitions
from emulator.materialized_views import refresh as mv_refresh
from emulator.materialized_views.clauses import Clauses, Scheme, read_clauses, refresh_scheme
from emulator.materialized_views.definitions import BY_HAND, find
from emulator.materialized_views.query import columns_of
from emulator.results import Ok, Result, ResultColumn, ResultSet, rows
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.statements.querying import need_query
from emulator.statements.registry import statement
from emulator.statements.table_rules import short_key
from emulator.statements.temporary import refuse_temporary
from emulator.storage.catalog import Column, MaterializedView, Table, quoted
from emulator.storage.partitions import parse_partition_by
from emulator.types.sql_type import parse_type

if TYPE_CHECKING:
    from emulator.session import Session


@statement("CREATE MATERIALIZED VIEW")
def create(session: Session, reader: Reader) -> Result:
    """CREATE MATERIALIZED VIEW [IF NOT EXISTS] mv [(columns)] [COMMENT] ... AS SELECT."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    given, name = reader.qualified_name()
    clauses = read_clauses(reader)
    definition = reader.rest().rstrip().rstrip(";")
    db, engine = session.db_of(given), session.engine
    if engine.get("table", db, name) is not None or engine.view(db, name) is not None:
        if if_not_exists:
            return Ok()
        raise table_exists(name)
    refuse_temporary(session, definition, "Materialized view can't base on temporary table")
    need_query(session, db, definition)
    mv, table = _planned(session, db, name, definition, clauses)
    columns = ", ".join(f"{quoted(column.name)} {column.sql_type.duckdb}" for column in table.columns)
    with engine.write(session.cursor) as unit:
        unit.execute(f"create table {table.physical} ({columns})")
        unit.save(table)
        unit.save(mv)
    if reports.refresh_type(mv) == "ASYNC":
        mv_refresh.watch(engine, mv)
    elif not clauses.refresh.text.startswith("DEFERRED"):
        mv_refresh.run_later(engine, mv_refresh.request(engine, session.cursor, mv, session.user))
    return Ok()


def _planned(session: Session, db: str, name: str, definition: str, clauses: Clauses) -> tuple[MaterializedView, Table]:
    engine = session.engine
    definitions.check_query(dialect.parse(definition))
    sources, below = definitions.depends_on(engine, db, definition)
    if not sources:
        raise analysis("Can not find base table in query statement")
    columns = _named(columns_of(engine, db, definition), clauses)
    partition_by, partition_columns = parse_partition_by(clauses.partition_by) if clauses.partition_by else ("", ())
    known = {column.name.lower() for column in columns}
    for column in (*partition_columns, *(clauses.distribution or ()), *clauses.order_by):
        if column.lower() not in known:
            if column in partition_columns:
                raise analysis(f"Materialized view partition exp column:{column} is not found in query statement")
            raise analysis(f"Unknown column '{column}' in distribution or order by clause of the materialized view")
    identity = engine.next_id()
    table = Table(
        db, name, identity, tuple(columns), comment=clauses.comment, partition_by=partition_by,
        partition_columns=partition_columns, distribution=clauses.distribution or (), buckets=clauses.buckets,
        order_by=clauses.order_by, properties=clauses.properties, created=time.time(),
    )  # fmt: skip
    keys = clauses.order_by or short_key(table)
    table = replace(table, keys=keys, columns=tuple(replace(each, key=each.name in keys) for each in table.columns))
    more: dict[str, Any] = {
        "dependencies": list(below),
        "columns": definitions.columns_below(engine, below, definition),
        "partition_by": partition_by,
        "creator": session.user,
        **_schedule(clauses.refresh),
    }
    mv = MaterializedView(
        db,
        name,
        identity,
        definition,
        sources,
        clauses.refresh.text,
        comment=clauses.comment,
        properties=clauses.properties,
        more=more,
    )
    return mv, table


def _schedule(scheme: Scheme) -> dict[str, Any]:
    return {"every_seconds": scheme.every_seconds, "every_text": scheme.every_text, "start": scheme.start}


def _named(columns: list[Column], clauses: Clauses) -> list[Column]:
    """The query's columns under the names and comments of the list, when there is one."""
    if not clauses.columns:
        return columns
    if len(clauses.columns) != len(columns):
        raise analysis("View's SELECT and view's field list have different column counts", 1353)
    return [
        replace(column, name=name, comment=comment)
        for column, (name, comment) in zip(columns, clauses.columns, strict=True)
    ]


@statement("REFRESH MATERIALIZED VIEW")
def refresh(session: Session, reader: Reader) -> Result:
    """REFRESH MATERIALIZED VIEW mv [PARTITION START (..) END (..) | (values)] [FORCE] [WITH SYNC|ASYNC MODE].

    Differs: without PARTITION every partition is refreshed when any base has changed.
    """
    given, name = reader.qualified_name()
    start = end = None
    values: list[list[str | None]] = []
    if reader.accept("PARTITION"):
        if reader.accept("START"):
            start = _bound(reader)
            reader.expect("END")
            end = _bound(reader)
        else:
            values = _values(reader)
    force = reader.accept("FORCE")
    mode = "ASYNC"
    while reader.accept("WITH"):
        if reader.accept("PRIORITY"):
            reader.number()
        else:
            found = reader.accept_any("SYNC", "ASYNC")
            if found is None:
                reader.fail()
            mode = str(found)
            reader.expect("MODE")
    reader.end()
    mv = _refreshable(session, given, name)
    scope = {"start": start, "end": end, "values": values}
    run = mv_refresh.request(
        session.engine, session.cursor, mv, session.user, force=force, whole=mode == "SYNC", scope=scope
    )
    if mode == "SYNC":
        mv_refresh.run_now(session.engine, session.cursor, run)
    else:
        mv_refresh.run_later(session.engine, run)
    return rows(("QUERY_ID",), [(run["query_id"],)])


def _bound(reader: Reader) -> str:
    reader.expect("(")
    text = reader.string()
    reader.expect(")")
    return text


def _values(reader: Reader) -> list[list[str | None]]:
    """`('a', 'b')`: partitions of one column; `(('a', '1'), ('b', '2'))`: of several."""
    reader.expect("(")
    found: list[list[str | None]] = []
    while not found or reader.accept(","):
        if not reader.accept("("):
            found.append([_value(reader)])
            continue
        found.append([_value(reader)])
        while reader.accept(","):
            found[-1].append(_value(reader))
        reader.expect(")")
    reader.expect(")")
    return found


def _value(reader: Reader) -> str | None:
    return None if reader.accept("NULL") else reader.string()


def _refreshable(session: Session, given: str, name: str) -> MaterializedView:
    db = session.db_of(given)
    if session.engine.materialized_view(db, name) is None and session.engine.get("table", db, name) is not None:
        raise analysis(f"Can not refresh non materialized view:{name}")
    mv = find(session.engine, db, name)
    if not mv.active:
        raise analysis(
            f"Refresh materialized view failed because [{name}] is not active. You can try to active it with"
            f" ALTER MATERIALIZED VIEW {name} ACTIVE; "
        )
    return mv


@statement("CANCEL REFRESH MATERIALIZED VIEW")
def cancel_refresh(session: Session, reader: Reader) -> Result:
    """CANCEL REFRESH MATERIALIZED VIEW mv [FORCE]."""
    given, name = reader.qualified_name()
    reader.accept("FORCE")
    reader.end()
    mv = find(session.engine, session.db_of(given), name)
    mv_refresh.cancel(session.engine, session.cursor, mv)
    return Ok()


@statement("DROP MATERIALIZED VIEW")
def drop(session: Session, reader: Reader) -> Result:
    """DROP MATERIALIZED VIEW [IF EXISTS] mv [FORCE]."""
    if_exists = reader.accept("IF", "EXISTS")
    given, name = reader.qualified_name()
    reader.accept("FORCE")
    reader.end()
    db = session.db_of(given)
    mv = session.engine.materialized_view(db, name)
    if mv is None:
        if if_exists:
            return Ok()
        raise analysis(f"Materialized view {name} is not found")
    with session.engine.write(session.cursor) as unit:
        definitions.drop(session.engine, unit, mv)
    return Ok()


@statement("ALTER MATERIALIZED VIEW")
def alter(session: Session, reader: Reader) -> Result:
    """ALTER MATERIALIZED VIEW mv ACTIVE | INACTIVE | RENAME x | SWAP WITH x | REFRESH ... | SET ("k" = "v")."""
    given, name = reader.qualified_name()
    engine = session.engine
    mv = find(engine, session.db_of(given), name)
    if reader.accept("ACTIVE"):
        reader.end()
        _activate(session, mv)
    elif reader.accept("INACTIVE"):
        reader.end()
        with engine.write(session.cursor) as unit:
            definitions.deactivate(engine, unit, mv, BY_HAND)
    elif reader.accept("RENAME"):
        _rename(session, mv, reader)
    elif reader.accept("SWAP", "WITH"):
        _swap(session, mv, reader)
    elif reader.accept("REFRESH"):
        scheme = refresh_scheme(reader)
        reader.end()
        changed = definitions.renamed(replace(mv, refresh=scheme.text), **_schedule(scheme))
        _save(session, changed)
        if "ASYNC" in scheme.text:
            mv_refresh.watch(engine, changed)
    elif reader.accept("SET"):
        properties = reader.properties()
        reader.end()
        _save(session, replace(mv, properties={**mv.properties, **properties}))
    else:
        word = reader.peek()
        raise unsupported(f"ALTER MATERIALIZED VIEW ... {word.text.upper() if word else ''}".rstrip())
    return Ok()


def _save(session: Session, mv: MaterializedView) -> None:
    with session.engine.write(session.cursor) as unit:
        unit.save(mv)


def _activate(session: Session, mv: MaterializedView) -> None:
    """Analyse the definition again; the next refresh computes everything."""
    engine = session.engine
    if mv.active:
        return
    try:
        sources, below = definitions.depends_on(engine, mv.db, mv.definition)
        columns = columns_of(engine, mv.db, mv.definition)
        mine = engine.table(mv.db, mv.name).columns
        if [column.sql_type.duckdb for column in columns] != [column.sql_type.duckdb for column in mine]:
            texts = (", ".join(f"{column.name} {column.type}" for column in each) for each in (mine, columns))
            raise failed("column schema not compatible: ({}) and ({})".format(*texts))
    except StarRocksError as error:
        raise analysis(
            f"Can not active materialized view [{mv.name}] because analyze materialized view define sql:"
            f" \n\n{mv.definition}"
            f" \n\nCause an error: {error.message}"
        ) from error
    more = {key: value for key, value in mv.more.items() if key not in ("base_versions", "failures")}
    more["dependencies"] = list(below)
    more["columns"] = definitions.columns_below(engine, below, mv.definition)
    _save(session, replace(mv, active=True, inactive_reason="", sources=sources, more=more))


def _rename(session: Session, mv: MaterializedView, reader: Reader) -> None:
    name = reader.identifier()
    reader.end()
    if session.engine.get("table", mv.db, name) is not None or session.engine.view(mv.db, name) is not None:
        raise analysis(f"Materialized view [{name}] is already used")
    with session.engine.write(session.cursor) as unit:
        definitions.rename(session.engine, unit, mv, name)


def _swap(session: Session, mv: MaterializedView, reader: Reader) -> None:
    _, name = reader.qualified_name()
    reader.end()
    other = session.engine.materialized_view(mv.db, name)
    if other is None:
        session.engine.table(mv.db, name)
        raise failed("Materialized view can only SWAP WITH materialized view")
    if other.id == mv.id:
        raise failed(f"New name conflicts with rollup index name: {name}")
    with session.engine.write(session.cursor) as unit:
        definitions.swap(session.engine, unit, mv, other)


@statement("SHOW MATERIALIZED VIEWS")
def show(session: Session, reader: Reader) -> Result:
    """SHOW MATERIALIZED VIEWS [FROM db] [LIKE 'pattern' | WHERE NAME = 'x']."""
    given = reader.identifier() if reader.accept_any("FROM", "IN") else ""
    keep = _name_filter(reader)
    reader.end()
    db = session.db_of(given)
    found = [
        row
        for row in reports.mv_rows(session.engine, db)
        if keep(row["TABLE_NAME"]) and session.access.sees(db, row["TABLE_NAME"])
    ]
    columns = [
        ResultColumn(reports.SHOW_NAMES.get(name, name.lower()), parse_type(kind))
        for name, kind in reports.MV_COLUMNS.items()
    ]
    return ResultSet(columns, [[tuple(row.values()) for row in found]])


def _name_filter(reader: Reader) -> Any:
    if reader.accept("LIKE"):
        pattern = re.escape(reader.string()).replace("%", ".*").replace("_", ".")
        return lambda name: re.fullmatch(pattern, name, re.DOTALL) is not None
    if reader.accept("WHERE"):
        reader.expect("NAME")
        reader.expect("=")
        wanted = reader.string()
        return lambda name: name == wanted
    return lambda _: True


@statement("SHOW CREATE MATERIALIZED VIEW")
def show_create(session: Session, reader: Reader) -> Result:
    """SHOW CREATE MATERIALIZED VIEW mv."""
    given, name = reader.qualified_name()
    reader.end()
    db = session.db_of(given)
    mv = session.engine.materialized_view(db, name)
    if mv is None:
        raise analysis(f"Unknown table '{name}'", 5502)
    return rows(("Materialized View", "Create Materialized View"), [(name, reports.create_text(session.engine, mv))])
