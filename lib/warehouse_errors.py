"""What an error of the MySQL protocol means: transient or not, and how it is told. Mapped here and nowhere else."""

from __future__ import annotations

import re

import pymysql

from lib.errors import Misconfigured, OutcomeUnknown, Refused, Told, Unavailable
from lib.settings import Settings

SERVICE = "StarRocks"

# Client-side numbers of the MySQL protocol: the server cannot be reached, or went away.
_LOST = {2003, 2006, 2013, 2014, 2055}
# fe/fe-spi/src/main/java/com/starrocks/common/ErrorCode.java: lock timeout, transaction could not begin.
_TRANSIENT_CODES = {1205, 5300, 5301}
_DENIED = {1044, 1045, 1227, 5203}
_TRANSIENT_TEXT = re.compile(
    r"no backend alive|no alive backend|backend node not found|too many versions|too many running transactions"
    r"|running txns on db|memory of .* exceed|memory limit exceeded|is not master|rpc .*(fail|timeout)"
    r"|another backup or restore job is being submitted|service is shutting down|is not NORMAL",
    re.IGNORECASE,
)
# 1046: no database selected, because the one of the settings does not exist yet.
UNKNOWN_DATABASE, UNKNOWN_TABLE = {1046, 1049, 5501}, {1146, 5502}
_SHOWN = 300


class NoSuchTable(Refused):
    """A table or database that the statement names does not exist."""


def ends_connection(error: BaseException) -> bool:
    """Whether the connection is of no use after this error."""
    if isinstance(error, pymysql.Error):
        return _code(error) in _LOST or isinstance(error, pymysql.InterfaceError)
    # Anything that broke into the protocol (a signal, a full disk) leaves half an answer on the wire.
    return True


def is_unknown_database(error: BaseException) -> bool:
    """Whether the statement or the login named a database that does not exist."""
    return _code(error) in UNKNOWN_DATABASE


def told(error: pymysql.Error | OSError, sql: str, *, writes: bool) -> Told:
    """The error of a statement, as one of `lib.errors`."""
    code, text = _code(error), _text(error)
    where = f"{SERVICE}: {' '.join(sql.split())[:80]}"
    if isinstance(error, OSError) or code in _LOST or isinstance(error, pymysql.InterfaceError):
        kind = OutcomeUnknown if writes else Unavailable
        return kind(f"{where}: the connection was lost ({text})", service=SERVICE)
    if code in _DENIED:
        return Misconfigured(f"{where}: {code} {text}", hint="see the grants of this user: SHOW GRANTS")
    if code in UNKNOWN_TABLE | UNKNOWN_DATABASE:
        return NoSuchTable(f"{where}: {code} {text}", hint="create what schema/ declares: ./run migrate")
    if code in _TRANSIENT_CODES or _TRANSIENT_TEXT.search(text):
        return Unavailable(f"{where}: {code} {text}", service=SERVICE)
    # fe/fe-core/src/main/java/com/starrocks/sql/analyzer/InsertAnalyzer.java
    older = re.search(r"Unknown column '\w+' in 'ops_\w+'", text)
    return Refused(f"{where}: {code} {text}", hint="the ledger is of an older version: ./run migrate" if older else "")


def connecting(error: pymysql.Error | OSError, given: Settings) -> Told:
    """The error of opening a connection."""
    where = f"{SERVICE} at {given.starrocks_host}:{given.starrocks_port}"
    if _code(error) in _DENIED:
        return Misconfigured(
            f"{where}: login of {given.starrocks_user} refused: {_text(error)}",
            hint="check STARROCKS_USER and STARROCKS_PASSWORD, then ./run doctor",
        )
    return Unavailable(f"{where}: no answer: {_text(error)}", hint="is it up? ./run doctor", service=SERVICE)


def _code(error: BaseException) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _text(error: BaseException) -> str:
    text = str(error.args[1]) if len(error.args) > 1 else str(error) or error.__class__.__name__
    return " ".join(text.split())[:_SHOWN]
