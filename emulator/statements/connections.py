"""The connections of clients: SHOW PROCESSLIST and KILL.

Source: `fe/fe-core/src/main/java/com/starrocks/qe/ShowResultMetaFactory.java`, ConnectContext.java (toThreadInfo).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emulator.errors import failed
from emulator.information_schema.registry import moment
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement

if TYPE_CHECKING:
    from emulator.session import Session

_COLUMNS = (
    "ServerName", "Id:bigint", "User", "Host", "Db", "Command", "ConnectionStartTime", "Time:int", "State", "Info",
    "IsPending", "Warehouse", "CNGroup", "Catalog", "QueryId",
)  # fmt: skip


@statement("SHOW [FULL] PROCESSLIST")
def show_processlist(session: Session, reader: Reader) -> Result:
    """Every connection, without OPERATE one's own; Info is cut at 100 letters without FULL."""
    full = reader.tokens[1].text.upper() == "FULL"
    reader.end()
    every = session.access.allows("SYSTEM", "OPERATE")
    listed = sorted(session.server.sessions.values(), key=lambda one: one.connection_id)
    return rows(_COLUMNS, [_connection(each, full) for each in listed if every or each.user == session.access.name])


def _connection(session: Session, full: bool) -> Sequence[Any]:
    seconds = int(time.time() - (session.busy_since or session.started))
    return (
        "embedded", session.connection_id, session.user, session.host, session.database, session.command,
        moment(session.started), seconds, "OK", session.statement if full else session.statement[:100], "false",
        "default_warehouse", "", "default_catalog", session.last_query_id,
    )  # fmt: skip


@statement("KILL [QUERY]", "KILL [CONNECTION]")
def kill(session: Session, reader: Reader) -> Result:
    """KILL id ends a connection, KILL QUERY id its statement; another user's needs OPERATE."""
    is_query = reader.tokens[1].text.upper() == "QUERY"
    token = reader.take()
    reader.end()
    wanted = next(
        (
            each
            for each in session.server.sessions.values()
            if str(each.connection_id) == token.text or (each.last_query_id == token.text and each.busy_since)
        ),
        None,
    )
    if wanted is None:
        raise failed(f"Unknown thread id: {token.text}", 1094)
    if wanted.user != session.user:
        session.access.need_system("OPERATE")
    wanted.kill()
    if not is_query and wanted is not session:
        wanted.disconnect()
    return Ok()
