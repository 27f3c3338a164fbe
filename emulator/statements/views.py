"""CREATE, ALTER and DROP VIEW.

Source: `docs/en/sql-reference/sql-statements/View/`; recorded: `test/sql/test_view`.

Differs: the definition is kept as it was written, where StarRocks keeps it with every name qualified.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from emulator.errors import analysis, table_exists, unknown_table
from emulator.hooks import table_changed
from emulator.results import Ok, Result
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import translate_query
from emulator.statements.create_table import is_taken, stored
from emulator.statements.querying import context_of
from emulator.statements.registry import statement
from emulator.statements.temporary import refuse_temporary
from emulator.storage.catalog import Column, View
from emulator.types.sql_type import known_type

if TYPE_CHECKING:
    from emulator.session import Session


@statement("CREATE [OR REPLACE] VIEW")
def create_view(session: Session, reader: Reader) -> Result:
    """CREATE [OR REPLACE] VIEW [IF NOT EXISTS] v [(c [COMMENT ..], ..)] [COMMENT ..] [SECURITY NONE|INVOKER] AS ..."""
    replace = reader.tokens[1].text.upper() == "OR"
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    db, name = reader.qualified_name()
    db = session.db_of(db)
    columns = _column_names(reader)
    comment = reader.comment()
    security = "NONE"
    if reader.accept("SECURITY"):
        security = reader.accept_any("NONE", "INVOKER") or "NONE"
    reader.expect("AS")
    definition = reader.rest()
    old = session.engine.view(db, name)
    if is_taken(session, db, name) and not (replace and old is not None):
        if if_not_exists:
            return Ok()
        raise table_exists(name)
    view = View(db, name, old.id if old else session.engine.next_id(), definition, (), comment, security)
    _save(session, dataclasses.replace(view, columns=_described(session, definition, columns)), old)
    return Ok()


def _column_names(reader: Reader) -> list[tuple[str, str]]:
    """`(name [COMMENT '..'], ...)`."""
    found: list[tuple[str, str]] = []
    if not reader.accept("("):
        return found
    while True:
        found.append((reader.identifier(), reader.comment()))
        if not reader.accept(","):
            break
    reader.expect(")")
    return found


def _described(session: Session, definition: str, names: list[tuple[str, str]]) -> tuple[Column, ...]:
    """The view's columns: names given or taken from the query, types of the query. The query must be right now."""
    refuse_temporary(session, definition, "View can't base on temporary table")
    translation = translate_query(context_of(session), dialect.parse(definition))
    types = [str(each[1]) for each in session.cursor.execute(f"describe {translation.sql}").fetchall()]
    if names and len(names) != len(translation.columns):
        raise analysis("The number of view's columns does not match with that of its query")
    given = names or [(name, "") for name, _ in translation.columns]
    seen: set[str] = set()
    for name, _ in given:
        if name.lower() in seen:
            raise analysis(f"Duplicate column name '{name}'", 1060)
        seen.add(name.lower())
    kinds = [known_type(kind, types[at]) for at, (_, kind) in enumerate(translation.columns)]
    return tuple(
        Column(name, (stored(kind) if kind.name == "varchar" and not names else kind).desc, comment=comment)
        for (name, comment), kind in zip(given, kinds, strict=True)
    )


def _save(session: Session, view: View, old: View | None) -> None:
    """Put it; what it names is resolved in its own database, with the names written out where it was made elsewhere."""
    view = dataclasses.replace(view, definition=_qualified(session, view))
    with session.engine.write(session.cursor) as unit:
        unit.save(view)
        if old is not None:
            table_changed(session.server, unit, view.db, view.name, f"base-view changed: {view.name}")


def _qualified(session: Session, view: View) -> str:
    """The definition, with its tables' database written out when the session's is not the view's."""
    if not session.database or session.database == view.db:
        return view.definition
    from sqlglot import exp

    tree = dialect.parse(view.definition)
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.db and isinstance(table.this, exp.Identifier) and table.name.lower() not in ctes:
            table.set("db", exp.to_identifier(session.database, quoted=True))
    return tree.sql(dialect=dialect.Dialect)


@statement("ALTER VIEW")
def alter_view(session: Session, reader: Reader) -> Result:
    """ALTER VIEW v [(columns)] AS SELECT ... | SET SECURITY NONE|INVOKER."""
    db, name = reader.qualified_name()
    db = session.db_of(db)
    view = session.engine.view(db, name)
    if view is None:
        raise unknown_table(f"{db}.{name}")
    if reader.accept("SET", "SECURITY"):
        security = reader.accept_any("NONE", "INVOKER")
        if security is None:
            reader.fail()
        reader.end()
        _save(session, dataclasses.replace(view, security=security or ""), None)
        return Ok()
    columns = _column_names(reader)
    reader.expect("AS")
    definition = reader.rest()
    _save(
        session,
        dataclasses.replace(view, definition=definition, columns=_described(session, definition, columns)),
        view,
    )
    return Ok()


@statement("DROP VIEW")
def drop_view(session: Session, reader: Reader) -> Result:
    """DROP VIEW [IF EXISTS] v."""
    if_exists = reader.accept("IF", "EXISTS")
    db, name = reader.qualified_name()
    reader.end()
    db = session.db_of(db)
    if session.engine.view(db, name) is None:
        if session.engine.get("table", db, name) is not None:
            raise analysis(f"'{db}'.'{name}' is not 'VIEW'", 1347)
        if if_exists:
            return Ok()
        raise analysis(f"Unknown table '{name}'", 5502)
    with session.engine.write(session.cursor) as unit:
        unit.delete("view", db, name)
        table_changed(session.server, unit, db, name, f"base-view dropped: {name}")
    return Ok()
