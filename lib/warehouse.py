"""The door to StarRocks over the MySQL protocol: reads, writes and transactions.

Reads and writes are kept apart: in a dry run `write` notes the statement and sends nothing.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.cursors import DictCursor

from lib import telemetry, warehouse_errors
from lib.errors import Misconfigured, OutcomeUnknown
from lib.settings import Settings, settings

if TYPE_CHECKING:
    _Generic = pymysql.connections.Connection[DictCursor]
else:
    _Generic = pymysql.connections.Connection

Row = dict[str, Any]
# fe/fe-core/src/main/java/com/starrocks/qe/SessionVariable.java, MAX_QUERY_TIMEOUT: three days.
_LONGEST_TIMEOUT = 259200
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,255}$")
_VERB = re.compile(
    r"\s*(?:/\*.*?\*/\s*)?(\w+(?:\s+(?:INTO|OVERWRITE|TABLE|MATERIALIZED VIEW|VIEW|DATABASE))?)",
    re.IGNORECASE,
)


def quote(*names: str) -> str:
    """The only place where a name becomes SQL: `quote("dw", "fact_trade")` is `` `dw`.`fact_trade` ``."""
    for name in names:
        if not _IDENTIFIER.match(name):
            raise Misconfigured(f"{name!r} is not a name that StarRocks takes: letters, digits and _, 256 at most")
    return ".".join(f"`{name}`" for name in names)


@dataclass(frozen=True)
class Written:
    """What a write answered: affected rows and the text of the OK packet (label, status, txnId)."""

    rows: int
    info: str

    @property
    def status(self) -> str:
        """VISIBLE, COMMITTED, ABORTED, PREPARE; empty when the server said nothing of it."""
        found = re.search(r"'status':\s*'(\w+)'", self.info)
        return found[1] if found else ""


class Warehouse:
    """One connection, opened at the first statement and opened anew after it was lost; one statement at a time.

    A load that is sent beside the program asks here where the hosts are, hence the lock.
    """

    def __init__(self, *, job: str, run_id: str, dry_run: bool = False) -> None:
        self.dry_run = dry_run
        self.planned: list[str] = []
        # What the last COMMIT said: VISIBLE, or COMMITTED while it is still being published.
        self.last_status = ""
        self.database = settings().starrocks_database
        self.stage_database = settings().starrocks_stage_database
        self._tag = f"nightshift job={job} run={run_id}"
        self._connection: pymysql.Connection[DictCursor] | None = None
        self._one_statement = threading.RLock()

    def read(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """The rows of a query. Raises `Unavailable` (transient), `Refused` or `Misconfigured`."""
        return self._run(sql, params, writes=False)[0]

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        rows = self.read(sql, params)
        return next(iter(rows[0].values())) if rows else None

    def write(self, sql: str, params: Sequence[Any] = ()) -> Written:
        """Executes a statement that changes something; in a dry run only notes it.

        Raises `OutcomeUnknown` when the answer was lost, else as `read`.
        """
        if self.dry_run:
            self.planned.append(" ".join(sql.split()))
            return Written(0, "")
        return self._run(sql, params, writes=True)[1]

    @contextmanager
    def transaction(self, label: str) -> Iterator[None]:
        """BEGIN WITH LABEL, the block, COMMIT; ROLLBACK when the block fails.

        In StarRocks a statement that failed does not abort the transaction: COMMIT would make the rest visible
        (docs/en/loading/SQL_transaction.md), hence the ROLLBACK. A COMMIT that answers OK proves nothing: a
        transaction lost in a failover answers OK as well. The caller reads back what it wrote.
        """
        begun = self.write(f"BEGIN WITH LABEL {quote(label)}")
        if not self.dry_run and begun.status != "PREPARE":
            # With enable_sql_transaction off, BEGIN answers OK and does nothing: each statement would be seen at once.
            raise Misconfigured(
                f"{warehouse_errors.SERVICE}: BEGIN has begun no transaction",
                hint="SET GLOBAL enable_sql_transaction = true",
            )
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        self.last_status = self.write("COMMIT").status

    def close(self) -> None:
        """Ends the connection; an open transaction is rolled back by the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(pymysql.Error, OSError):
                connection.close()

    def _roll_back(self) -> None:
        if self.dry_run or self._connection is None:
            return
        try:
            self._run("ROLLBACK", (), writes=True)
        except Exception:
            # The transaction ends with its connection; the error that led here is the one to tell.
            self.close()

    def _run(self, sql: str, params: Sequence[Any], *, writes: bool) -> tuple[list[Row], Written]:
        system = {"db.system.name": "starrocks", "db.namespace": self.database}
        with self._one_statement, telemetry.span(_summary(sql), **system) as span:
            connection = self._connected()
            statement = f"/* {self._tag}{_trace()} */ {sql}"
            try:
                with connection.cursor() as cursor:
                    # Without parameters pymysql must not touch the text: a literal % would be read as a marker.
                    affected = cursor.execute(statement, tuple(params) if params else None)
                    rows = list(cursor.fetchall())
                    info = _info(connection)
            except BaseException as error:
                if warehouse_errors.ends_connection(error):
                    self.close()
                if isinstance(error, pymysql.Error | OSError):
                    raise warehouse_errors.told(error, sql, writes=writes) from None
                raise
            span.set(**{"db.response.returned_rows": len(rows)})
            return rows, Written(affected, info)

    def _connected(self) -> pymysql.Connection[DictCursor]:
        if self._connection is None:
            self._connection = _connect(settings())
        return self._connection


def _connect(given: Settings) -> pymysql.Connection[DictCursor]:
    try:
        try:
            connection = _open(given, given.starrocks_database)
        except pymysql.Error as error:
            if not warehouse_errors.is_unknown_database(error):
                raise
            # Before the first ./run migrate there is none; a statement that needs it says so by itself (1046).
            connection = _open(given, None)
    except (pymysql.Error, OSError) as error:
        raise warehouse_errors.connecting(error, given) from None
    if given.environment == "production":
        _refuse_emulator(connection)
    return connection


def _open(given: Settings, database: str | None) -> pymysql.Connection[DictCursor]:
    seconds = max(1, int(given.starrocks_read_timeout))
    allowed = min(seconds, _LONGEST_TIMEOUT)
    return Connection(
        host=given.starrocks_host,
        port=given.starrocks_port,
        user=given.starrocks_user,
        # As bytes: of text pymysql would make Latin-1, and StarRocks hashes UTF-8.
        password=given.starrocks_password.reveal().encode(),
        database=database,
        charset="utf8mb4",
        autocommit=True,
        cursorclass=DictCursor,
        connect_timeout=max(1, int(given.starrocks_connect_timeout)),
        read_timeout=seconds,
        write_timeout=seconds,
        init_command=f"SET time_zone = 'UTC', query_timeout = {allowed}, insert_timeout = {allowed}",
        ssl={"ca": given.starrocks_ssl_ca} if given.starrocks_ssl_ca else None,
    )


class Connection(_Generic):
    """A connection that reads the certificates of the system only where they are asked for.

    Without a CA file pymysql takes TLS where the server offers it and believes any certificate; all the same it reads
    every CA of the system for that, at each start: 30 ms.
    """

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            made: ssl.SSLContext = super()._create_ssl_ctx(sslp)  # type: ignore[misc]  # not in its stubs
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context


def _refuse_emulator(connection: pymysql.Connection[DictCursor]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_version() AS version")
        version = str((cursor.fetchone() or {}).get("version"))
    if version.endswith("-emulator"):
        connection.close()
        raise Misconfigured(
            f"{settings().starrocks_host}:{settings().starrocks_port} is the embedded server ({version}), "
            "and ENVIRONMENT is production",
            hint="point STARROCKS_HOST at the cluster",
        )


def _info(connection: pymysql.Connection[DictCursor]) -> str:
    result = getattr(connection, "_result", None)
    message = getattr(result, "message", None)
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else ""


def _summary(sql: str) -> str:
    found = _VERB.match(sql)
    return " ".join(found[1].upper().split()) if found else "SQL"


def _trace() -> str:
    parent = telemetry.traceparent()
    return f" traceparent={parent}" if parent else ""


__all__ = ["OutcomeUnknown", "Row", "Warehouse", "Written", "quote"]
