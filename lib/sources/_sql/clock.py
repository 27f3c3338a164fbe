"""How far a source may be called read: up to its own clock, held back by its oldest transaction that is still open.

A row becomes visible when its transaction commits, with a timestamp from before. Whatever is newer than the oldest open
transaction may still get company, so the watermark stays below it, although the rows there are loaded already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lib import clock, log
from lib.errors import Misconfigured
from lib.sources._sql.database import Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Readers and the vacuum change no rows; what is hidden is a session of another user, without pg_read_all_stats.
_POSTGRESQL = """
SELECT cast(statement_timestamp() AS text), cast(min(xact_start) AS text),
    count(CASE WHEN query = '<insufficient privilege>' THEN 1 END)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'walsender')
"""
# The table gives times in the zone of the server.
_MYSQL = """
SELECT cast(utc_timestamp(6) AS char), cast(convert_tz(min(trx_started), 'SYSTEM', '+00:00') AS char), 0
FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> connection_id()
"""
_GRANT = {"postgresql": "GRANT pg_read_all_stats TO ...", "mysql": "GRANT PROCESS ON *.* TO ..."}


@dataclass(frozen=True)
class SourceTime:
    """What time it is in the source, and since when its oldest open transaction goes on; None: none, or not told."""

    now: datetime
    oldest: datetime | None

    @property
    def settled(self) -> datetime:
        """Before this second nothing can come any more, but what is committed later than its own timestamp says."""
        return min(self.now, self.oldest or self.now).replace(microsecond=0)


def read(database: Database, opened: Connection) -> SourceTime:
    """Asks the source; SQLite has no clock and no open transactions of others, so ours is its own."""
    if database.kind == "sqlite":
        return SourceTime(clock.now(), None)
    try:
        now, oldest, hidden = database.first(opened, _POSTGRESQL if database.kind == "postgresql" else _MYSQL)
    except Misconfigured:
        now, oldest, hidden = *database.first(opened, "SELECT cast(utc_timestamp(6) AS char)"), None, 1
    if hidden:
        log.info("open_transactions_hidden", source=database.name, hint=_GRANT[database.kind])
    return SourceTime(_parsed(now), _parsed(oldest) if oldest else None)


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("+00"))
