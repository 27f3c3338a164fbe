"""Materialized views: what they depend on, when they are inactive, and how their names change.

A materialized view is a `MaterializedView` beside a `Table` of the same name, which holds its rows. `more`
keeps: `dependencies` (every `db.table` below it, through views), `columns` (the names of columns that its text
mentions, in lower case),
`partition_by`, `creator`, `base_versions` (what the last refresh has seen), `last` (the last task run) and `failures`.

DDL on a base tells us by `emulator.hooks`, inside of its unit of work. Reasons: StarRocks,
fe/fe-core/src/main/java/com/starrocks/common/ MaterializedViewExceptions.java and
alter/AlterMVJobExecutor.java. Unlike StarRocks, no background checker activates views again: ALTER
MATERIALIZED VIEW ... ACTIVE does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from emulator.errors import analysis, unknown_table
from emulator.hooks import on_table_change
from emulator.sql import dialect
from emulator.storage.catalog import MaterializedView, Table
from emulator.storage.engine import Engine, Unit
from emulator.storage.writing import visible

if TYPE_CHECKING:
    from emulator.server import Server

NONDETERMINISTIC = frozenset({"rand", "random", "uuid", "uuid_numeric", "sleep"})
BY_HAND = "user use alter materialized view set status to inactive"
COLUMNS_CHANGED = "base table schema changed for columns: "


def name_of(mv: MaterializedView) -> str:
    """The name of the view's task."""
    return f"mv-{mv.id}"


def find(engine: Engine, db: str, name: str, message: str = "Can not find materialized view:{}") -> MaterializedView:
    """The materialized view. Raises 1064 with `message`."""
    found = engine.materialized_view(db, name)
    if found is None:
        raise analysis(message.format(name))
    return found


def current(engine: Engine, identity: int) -> MaterializedView | None:
    """The materialized view with an id, whatever its name is now."""
    views: Iterable[MaterializedView] = engine.items("materialized_view").values()
    return next((mv for mv in views if mv.id == identity), None)


def check_query(query: exp.Expr) -> None:
    """Refuse functions whose result changes from call to call (AnalyzerUtils.checkNondeterministicFunction)."""
    for node in query.find_all(exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        if name.lower() in NONDETERMINISTIC:
            raise analysis(f"{node.sql(dialect='starrocks')} not supported nondeterministic function")


def tables_in(query: exp.Expr, db: str) -> list[tuple[str, str]]:
    """(database, table) of every table that a query names, CTEs left out."""
    ctes = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    found = []
    for table in query.find_all(exp.Table):
        if not table.name or (not table.db and table.name.lower() in ctes):
            continue
        found.append((table.db or db, table.name))
    return list(dict.fromkeys(found))


def depends_on(engine: Engine, db: str, definition: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(sources as the text names them, everything below: those, and what views among them read).

    Raises 5502 for a table that does not exist, 1064 for an inactive materialized view.
    """
    sources = tables_in(dialect.parse(definition), db)
    below: dict[tuple[str, str], None] = {}
    pending = list(sources)
    while pending:
        where, name = pending.pop()
        if (where, name) in below:
            continue
        below[where, name] = None
        view = engine.view(where, name)
        if view is not None:
            pending += tables_in(dialect.parse(view.definition), where)
        elif engine.get("table", where, name) is None:
            raise unknown_table(f"{where}.{name}" if where != db else name)
        mv = engine.materialized_view(where, name)
        if mv is not None and not mv.active:
            raise analysis(f"Create/Rebuild materialized view from inactive materialized view: {name}")
    return tuple(f"{a}.{b}" for a, b in sources), tuple(f"{a}.{b}" for a, b in sorted(below))


def columns_below(engine: Engine, below: Iterable[str], definition: str) -> list[str]:
    """Names of the columns that a text and the views below it mention, in lower case; `*` for all of a table's."""
    texts = [definition]
    for name in below:
        db, _, view_name = name.partition(".")
        view = engine.view(db, view_name)
        texts += [view.definition] if view is not None else []
    found: set[str] = set()
    for text in texts:
        query = dialect.parse(text)
        found |= {column.name.lower() for column in query.find_all(exp.Column)}
        found |= {"*"} if any(query.find_all(exp.Star)) else set()
    return sorted(found)


def versions(engine: Engine, mv: MaterializedView) -> dict[str, list[int]]:
    """Id and version of every table below a materialized view: equal means that nothing changed."""
    found = {}
    for name in mv.more.get("dependencies", ()):
        db, _, table_name = name.partition(".")
        table: Table | None = engine.get("table", db, table_name)
        if table is not None:
            found[name] = [table.id, int(visible(engine, table)["version"])]
    return found


@on_table_change
def base_changed(server: Server, unit: Unit, db: str, table: str, reason: str) -> None:
    """Make the materialized views on a changed table or view inactive, and those on top of them.

    Called by DDL inside its unit of work. A change of columns matters to the views that mention one of them.
    """
    _inactivate(server.engine, unit, db, table, reason, set())


def _inactivate(engine: Engine, unit: Unit, db: str, table: str, reason: str, done: set[int]) -> None:
    """A view that is inactive already gets the newer reason; `done` are those that this change has reached."""
    _, found, listed = reason.partition(COLUMNS_CHANGED)
    changed = {name.strip().lower() for name in listed.split(",")} if found else set()
    for mv in _above(engine, unit, f"{db}.{table}"):
        mentioned = set(mv.more.get("columns", ()))
        if mv.id not in done and (not changed or mentioned & changed):
            deactivate(engine, unit, mv, reason, done)


def _above(engine: Engine, unit: Unit, name: str) -> list[MaterializedView]:
    """The materialized views that read a table, directly or through a view, as the unit sees them."""
    found = []
    for (db, view_name), mv in engine.items("materialized_view").items():
        seen = unit.changes.get(("materialized_view", db, view_name), mv)
        if seen is not None and name in seen.more.get("dependencies", ()):
            found.append(seen)
    return found


def deactivate(engine: Engine, unit: Unit, mv: MaterializedView, reason: str, done: set[int] | None = None) -> None:
    """Make a view inactive, and those that read it (AlterMVJobExecutor.doInactiveMaterializedViewRecursive)."""
    done = set() if done is None else done
    done.add(mv.id)
    unit.save(replace(mv, active=False, inactive_reason=reason))
    _inactivate(engine, unit, mv.db, mv.name, f"base-mv inactive: {mv.name}", done)


def renamed(mv: MaterializedView, **changes: Any) -> MaterializedView:
    """The view with entries of `more` changed."""
    return replace(mv, more={**mv.more, **changes})


def rename(engine: Engine, unit: Unit, mv: MaterializedView, name: str) -> None:
    """Give a view another name; those that read it become inactive."""
    table = engine.table(mv.db, mv.name)
    unit.delete("materialized_view", mv.db, mv.name)
    unit.delete("table", mv.db, mv.name)
    unit.save(replace(table, name=name))
    unit.save(replace(mv, name=name))
    _inactivate(engine, unit, mv.db, mv.name, f"base-table renamed: {mv.name}", set())


def swap(engine: Engine, unit: Unit, mv: MaterializedView, other: MaterializedView) -> None:
    """Exchange the names of two views; those that read them become inactive."""
    first, second = engine.table(mv.db, mv.name), engine.table(other.db, other.name)
    unit.save(replace(first, name=other.name))
    unit.save(replace(second, name=mv.name))
    unit.save(replace(mv, name=other.name))
    unit.save(replace(other, name=mv.name))
    for each in (mv, other):
        _inactivate(engine, unit, each.db, each.name, f"base-table swapped: {each.name}", set())


def drop(engine: Engine, unit: Unit, mv: MaterializedView) -> None:
    """Remove a view and its rows; those that read it become inactive."""
    table = engine.table(mv.db, mv.name)
    unit.execute(f"drop table if exists {table.physical}")
    for kind in ("materialized_view", "table"):
        unit.delete(kind, mv.db, mv.name)
    unit.delete("visible", "", str(table.id))
    _inactivate(engine, unit, mv.db, mv.name, f"base-table dropped: {mv.name}", set())
