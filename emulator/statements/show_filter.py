"""The filters of SHOW statements: LIKE, WHERE, ORDER BY, LIMIT over rows in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emulator.results import ResultSet, rows
from emulator.sql import dialect
from emulator.sql.duckdb_text import generate
from emulator.sql.reader import Reader
from emulator.sql.resolve import Resolver
from emulator.sql.scope import Columns, Scope, Source
from emulator.statements.querying import context_of
from emulator.types.sql_type import SqlType

if TYPE_CHECKING:
    from emulator.session import Session


def like(text: str, pattern: str) -> bool:
    """SQL LIKE with `%`, `_` and backslash; letters count, as in StarRocks."""
    out, escaped = "", False
    for letter in pattern:
        if escaped or letter not in "%_\\":
            out += re.escape(letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            out += ".*" if letter == "%" else "."
    return re.fullmatch(out, text, re.DOTALL) is not None


def filtered(
    session: Session, reader: Reader, names: Sequence[str], values: Sequence[Sequence[Any]], like_column: int = 0
) -> ResultSet:
    """The rest of a SHOW: `[LIKE '..' | WHERE ..] [ORDER BY ..] [LIMIT ..]` on these rows."""
    kept = [list(row) for row in values]
    if reader.accept("LIKE"):
        pattern = reader.string()
        kept = [row for row in kept if like(str(row[like_column]), pattern)]
    if reader.at_end():
        return rows(names, kept)
    if not (reader.next_is("WHERE") or reader.next_is("ORDER", "BY") or reader.next_is("LIMIT")):
        reader.fail()
    return rows(names, _selected(session, names, kept, reader.rest()))


def _selected(
    session: Session, names: Sequence[str], values: Sequence[Sequence[Any]], condition: str
) -> Sequence[Sequence[Any]]:
    text = SqlType("varchar", length=65533)
    columns: Columns = [(name.partition(":")[0], text) for name in names]
    query = dialect.parse(f"select 1 from s {condition}")
    scope = Scope(sources=[Source("s", columns)])
    resolver = Resolver(context_of(session))
    parts = ["select row_no from shown as s"]
    if query.args.get("where"):
        parts.append("where " + generate(resolver.expression(query.args["where"].this, scope)))
    if query.args.get("order"):
        keys = []
        for each in query.args["order"].expressions:
            keys.append(generate(resolver.expression(each.this, scope)) + (" desc" if each.args.get("desc") else ""))
        parts.append("order by " + ", ".join(keys))
    for key in ("limit", "offset"):
        if query.args.get(key):
            parts.append(generate(query.args[key]))
    listed = ", ".join(f'"{name}" varchar' for name, _ in columns)
    session.cursor.execute(f"create or replace temp table shown (row_no integer, {listed})")
    if values:
        texts = [[None if cell is None else str(cell) for cell in cells] for cells in zip(*values, strict=True)]
        lists = ", ".join("unnest(cast(? as varchar[]))" for _ in texts)
        session.cursor.execute(f"insert into shown select unnest(range({len(values)})), {lists}", texts)
    found = session.cursor.execute(" ".join(parts)).fetchall()
    return [values[row[0]] for row in found]
