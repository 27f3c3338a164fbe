"""SELECT, and EXPLAIN of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from emulator.results import Result, rows
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import translate_query
from emulator.statements.querying import context_of, refuse_modified, run
from emulator.statements.registry import statement
from emulator.statements.update import delete, update

if TYPE_CHECKING:
    from emulator.session import Session

_ATTEMPTS = 3


@statement("SELECT", "WITH", "(", in_transaction=True)
def select(session: Session, reader: Reader) -> Result:
    """A query. Tables that the explicit transaction has changed cannot be read (5307)."""
    changes = _behind_with(session, reader)
    if changes is not None:
        return changes
    for _ in range(_ATTEMPTS):
        version = session.engine.version
        translation = translate_query(context_of(session), dialect.parse(reader.text))
        refuse_modified(session, translation.tables)
        session.server.remember(session, reader.text, translation, version)
        try:
            return run(session, translation)
        except duckdb.CatalogException:
            # a table was rewritten or dropped between the two lines above: look it up again
            if version == session.engine.version:
                raise
    return run(session, translation)


def _behind_with(session: Session, reader: Reader) -> Result | None:
    """WITH ... UPDATE and WITH ... DELETE; None for a query."""
    if reader.tokens[0].text.upper() != "WITH":
        return None
    node = dialect.parse(reader.text)
    if isinstance(node, exp.Update):
        return update(session, reader)
    return delete(session, reader) if isinstance(node, exp.Delete) else None


@statement("EXPLAIN [ANALYZE] [VERBOSE]", "EXPLAIN [LOGICAL]", "EXPLAIN [COSTS]")
def explain(session: Session, reader: Reader) -> Result:
    """EXPLAIN [ANALYZE | VERBOSE | LOGICAL | COSTS] of a query.

    Differs: the plan is DuckDB's, under a line that says so; nothing is run and no costs are told.
    """
    translation = translate_query(context_of(session), dialect.parse(reader.rest()))
    plan = session.cursor.execute("explain " + translation.sql).fetchall()
    lines = ["-- plan of the embedded server's engine, not of a StarRocks cluster"]
    return rows(["Explain String"], [[line] for line in [*lines, *plan[0][1].splitlines()]])
