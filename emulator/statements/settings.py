"""SET, USE, SYNC, and the few ADMIN statements.

Source: `fe/fe-core/src/main/java/com/starrocks/qe/SetExecutor.java`, `docs/en/sql-reference/sql-statements/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from emulator.errors import analysis, failed, unsupported
from emulator.results import Ok, Result, rows
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import translate_query
from emulator.statements.querying import context_of
from emulator.statements.registry import statement
from emulator.statements.show_filter import like
from emulator.storage.engine import FRONTEND_CONFIG

if TYPE_CHECKING:
    from emulator.session import Session


@statement("USE")
def use(session: Session, reader: Reader) -> Result:
    """USE [catalog.]database."""
    _, name = reader.qualified_name()
    reader.end()
    session.use(name)
    return Ok()


@statement("SET", in_transaction=True)
def set_variables(session: Session, reader: Reader) -> Result:
    """SET [SESSION | GLOBAL] name = value, @user = value, NAMES x; no effect for most (emulator.variables)."""
    while True:
        _one(session, reader)
        if not reader.accept(","):
            break
    reader.end()
    return Ok()


def _one(session: Session, reader: Reader) -> None:
    if reader.accept("NAMES"):
        reader.word_or_string()
        if reader.accept("COLLATE"):
            reader.word_or_string()
        return
    if reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
        reader.word_or_string()
        return
    for word in ("CATALOG", "PROPERTY"):
        if reader.next_is(word):
            raise unsupported(f"SET {word}")
    if reader.accept("SESSION", "TRANSACTION") or reader.accept("TRANSACTION"):
        reader.rest()
        return
    everywhere = _scope(reader)
    if everywhere:
        session.access.need_system("OPERATE")
    is_user = not everywhere and reader.accept("@")
    token = reader.take()
    name = token.text.lstrip("@").lower()
    if token.text.startswith("@") and not token.text.startswith("@@"):
        is_user = True
    if not reader.accept("="):
        reader.expect(":", "=")
    start = reader.at
    _skip_value(reader)
    text = reader.source(start, reader.at)
    if is_user:
        session.variables.user[name] = _evaluate(session, text)
        return
    value = None if text.upper() == "DEFAULT" else _text_value(session, text)
    session.variables.set(name, value, everywhere)
    if name == "time_zone":
        _set_zone(session, value or "UTC")


def _scope(reader: Reader) -> bool:
    if reader.accept("GLOBAL") or reader.accept("@@", "GLOBAL", ".") or reader.accept("@", "@", "GLOBAL", "."):
        return True
    for words in (("SESSION",), ("LOCAL",), ("@@", "SESSION", "."), ("@@",), ("@", "@", "SESSION", "."), ("@", "@")):
        if reader.accept(*words):
            break
    return False


def _skip_value(reader: Reader) -> None:
    depth = 0
    while (token := reader.peek()) is not None:
        if depth == 0 and token.text == ",":
            return
        depth += (token.text == "(") - (token.text == ")")
        reader.at += 1


def _text_value(session: Session, text: str) -> str:
    if text.replace("_", "").replace("-", "").replace("/", "").isalnum() and not text[0].isdigit() and text[0] != "-":
        return text
    value = _evaluate(session, text)
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _evaluate(session: Session, text: str) -> object:
    node = dialect.parse(f"select {text}")
    if not isinstance(node, exp.Select):
        raise analysis(f"Set statement only support constant expr: {text}")
    found = session.cursor.execute(translate_query(context_of(session), node).sql).fetchone()
    return found[0] if found else None


def _set_zone(session: Session, zone: str) -> None:
    """The session's time zone is that of its DuckDB cursor. `CST` is Asia/Shanghai in StarRocks."""
    name = {"CST": "Asia/Shanghai", "PRC": "Asia/Shanghai", "SYSTEM": "UTC"}.get(zone.upper(), zone)
    if name[:1] in "+-":
        raise_or = _offset(name)
        name = raise_or
    import duckdb

    try:
        session.cursor.execute("set TimeZone = '" + name.replace("'", "''") + "'")
    except duckdb.Error:
        raise failed(f"Unknown or incorrect time zone: '{zone}'", 1298) from None


def _offset(text: str) -> str:
    """`+08:00` as the name of a fixed zone; those count the other way round."""
    hours, _, minutes = text[1:].partition(":")
    if not hours.isdigit() or (minutes or "00") != "00" or int(hours) > 14:
        raise unsupported(f"time zone {text}")
    return "UTC" if int(hours) == 0 else f"Etc/GMT{'-' if text[0] == '+' else '+'}{int(hours)}"


@statement("SYNC")
def sync(_session: Session, reader: Reader) -> Result:
    """SYNC.

    Differs: every answer here is of the leader, so there is nothing to wait for.
    """
    reader.end()
    return Ok()


@statement("ADMIN SET FRONTEND CONFIG")
def set_config(session: Session, reader: Reader) -> Result:
    """ADMIN SET FRONTEND CONFIG ("k" = "v") [WITH PERSISTENT]: for keys that mean something here; always kept."""
    found = reader.properties()
    reader.accept("WITH", "PERSISTENT")
    reader.end()
    for name in found:
        if name not in FRONTEND_CONFIG:
            raise unsupported(f"frontend config {name}")
    with session.engine.write(session.cursor) as unit:
        for name, value in found.items():
            unit.put("config", "", name, {"value": value})
    return Ok()


@statement("ADMIN SHOW FRONTEND CONFIG")
def show_config(session: Session, reader: Reader) -> Result:
    """ADMIN SHOW FRONTEND CONFIG [LIKE '..']."""
    pattern = reader.string() if reader.accept("LIKE") else "%"
    reader.end()
    listed = [[name, "[]", session.engine.config(name), "String", "true", ""] for name in sorted(FRONTEND_CONFIG)]
    return rows(
        ["Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"], [row for row in listed if like(row[0], pattern)]
    )
