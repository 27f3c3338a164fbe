"""What may not stand on a temporary table: views, materialized views, tasks.

Recorded: `test/sql/test_temporary_table/R/temporary_table`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from emulator.errors import analysis
from emulator.sql import dialect
from emulator.sql.reader import Reader

if TYPE_CHECKING:
    from emulator.session import Session


def refuse_temporary(session: Session, query: str, message: str) -> None:
    """Raise the refusal when the query reads a temporary table of the session."""
    if not session.temporary_tables:
        return
    for table in dialect.parse(query).find_all(exp.Table):
        if (table.db or session.database, table.name) in session.temporary_tables:
            raise analysis(message)


def refuse_temporary_behind(session: Session, reader: Reader, message: str) -> None:
    """The same for the query in what is left of the statement; nothing is taken."""
    for at in range(reader.at, len(reader.tokens)):
        if reader.tokens[at].text.upper() in ("SELECT", "WITH"):
            refuse_temporary(session, reader.source(at, len(reader.tokens)), message)
            return
