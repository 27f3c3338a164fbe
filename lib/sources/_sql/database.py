"""A database of SQL sources: opens one consistent view of it, streams rows with flat memory, tells what goes wrong.

Every value comes as the database writes it, never through a Python type that holds less: a driver's own conversion
would lose digits of JSON numbers, print DECIMAL zeros with an exponent and refuse the timestamp `infinity`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lib import redaction, telemetry
from lib.catalog import TableFile
from lib.errors import Misconfigured, Unavailable
from lib.reading import BATCH_ROWS
from lib.settings import connection

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

# What makes a session exact: times in UTC; MySQL must not hang up on a reader that is busy loading.
_SESSION = {
    "mysql": "SET SESSION time_zone = '+00:00', net_write_timeout = 3600",
    "postgresql": "SET TIME ZONE 'UTC'; SET DateStyle TO 'ISO'; SET idle_in_transaction_session_timeout = 0",
    "sqlite": "",
}
# Types of PostgreSQL that come as PostgreSQL writes them.
_AS_WRITTEN = ("numeric", "json", "jsonb", "timestamp", "date", "time", "timetz", "interval", "uuid", "timestamptz")
# Field types of the MySQL protocol (MySQL's field_types.h): the integers, and BIT, which comes as bytes.
_MYSQL_INTEGERS, _MYSQL_BIT = (1, 2, 3, 8, 9, 13), 16


class Database:
    """One database behind a table's source, by the setting CONNECTION_<NAME>."""

    def __init__(self, table: TableFile, name: str) -> None:
        self.table, self.name = table, name

    @property
    def kind(self) -> str:
        """`mysql`, `postgresql` or `sqlite`; MariaDB is `mysql`."""
        return "mysql" if self._engine.dialect.name == "mariadb" else self._engine.dialect.name

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """A connection that sees the database as it was at its first statement, and changes nothing."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            made = self._engine.connect()
        except SQLAlchemyError as error:
            raise self._told(error) from None
        try:
            yield made
        finally:
            made.close()

    def rows(
        self, opened: Connection, sql: str, values: Mapping[str, Any]
    ) -> Iterator[tuple[list[str], Sequence[Sequence[Any]]]]:
        """The names of the columns and some rows at a time, by a cursor of the server; once without rows if empty."""
        from sqlalchemy.exc import SQLAlchemyError

        result = self._execute(opened, sql, values, stream=True)
        names = list(result.keys())
        if len(set(names)) < len(names):
            doubled = ", ".join(sorted({name for name in names if names.count(name) > 1}))
            raise Misconfigured(f"{self.table.path}: source: its SELECT has {doubled} more than once")
        yield names, []
        try:
            for rows in result.partitions(BATCH_ROWS):
                yield names, rows
        except SQLAlchemyError as error:
            raise self._told(error) from None

    def first(self, opened: Connection, sql: str, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """The first row of a SELECT that has one."""
        return tuple(self._execute(opened, sql, values or {}).fetchone())

    def all(self, opened: Connection, sql: str, values: Mapping[str, Any] | None = None) -> list[Sequence[Any]]:
        """Every row of a SELECT that has few."""
        return list(self._execute(opened, sql, values or {}).fetchall())

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import create_engine, event, make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        from sqlalchemy.pool import NullPool

        try:
            text = connection(self.name).reveal()
            # The URL may hold a password: neither a message nor a log line may show it.
            redaction.hide(text)
            url = make_url(text)
            self._check_kind(url)
            engine = create_engine(url, poolclass=NullPool, **_options(url))
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise Misconfigured(
                f"CONNECTION_{self.name.upper()}: not a URL that can be used: {type(error).__name__}",
                hint="mysql+pymysql://, postgresql+psycopg:// or sqlite:///; is the driver installed?",
            ) from None
        event.listen(engine, "connect", lambda opened, _: _prepare(engine, opened))
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", lambda opened: opened.exec_driver_sql("BEGIN"))
        return engine

    def _check_kind(self, url: URL) -> None:
        if url.get_backend_name() not in ("mysql", "mariadb", "postgresql", "sqlite"):
            raise Misconfigured(
                f"CONNECTION_{self.name.upper()}: {url.get_backend_name()} is no kind of database that can be read",
                hint="mysql+pymysql://, mariadb+pymysql://, postgresql+psycopg:// or sqlite:///",
            )

    def _execute(self, opened: Connection, sql: str, values: Mapping[str, Any], *, stream: bool = False) -> Any:
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        with telemetry.span(f"read {self.name}", **{"nightshift.table": self.table.name}):
            try:
                return opened.execution_options(stream_results=stream).execute(text(sql), dict(values))
            except SQLAlchemyError as error:
                raise self._told(error) from None

    def _told(self, error: Exception) -> Misconfigured | Unavailable:
        from sqlalchemy.exc import OperationalError

        said = " ".join(str(getattr(error, "orig", None) or type(error).__name__).split())[:200]
        where = f"{self.table.name}: SQL source {self.name}: {said}"
        missing = re.search(r"no such|does not exist|doesn't exist|unknown column|denied|authentication", said, re.I)
        if isinstance(error, OperationalError) and not missing:
            return Unavailable(
                where, hint=f"is it up? ./run doctor checks CONNECTION_{self.name.upper()}", service=self.name
            )
        return Misconfigured(where, hint=f"check CONNECTION_{self.name.upper()} and {self.table.path}")


def row_hash(row: str) -> int:
    """The first seven digits of a text's MD5 as a number: SQLite has no such function of its own."""
    return int(hashlib.md5(row.encode(), usedforsecurity=False).hexdigest()[:7], 16)


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {}
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
    if url.get_driver_name() == "pymysql":
        driver: Any = url.get_dialect().import_dbapi()
        decoders = {_MYSQL_BIT: lambda data: int.from_bytes(data, "big"), **dict.fromkeys(_MYSQL_INTEGERS, int)}
        options["connect_args"] = {"conv": {**driver.converters.encoders, **decoders}}
    return options


def _prepare(engine: Engine, opened: Any) -> None:
    kind = "mysql" if engine.dialect.name == "mariadb" else engine.dialect.name
    if kind == "sqlite":
        # The driver would begin no transaction for a SELECT.
        opened.isolation_level = None
        opened.create_function("nightshift_hash", 1, row_hash, deterministic=True)
        return
    if engine.dialect.driver == "psycopg":
        _load_as_written(engine.dialect.dbapi, opened)
    for statement in _SESSION[kind].split("; "):
        with opened.cursor() as cursor:
            cursor.execute(statement)
    opened.commit()


def _load_as_written(psycopg: Any, opened: Any) -> None:
    class InUtc(psycopg.types.string.TextLoader):  # type: ignore[misc]  # psycopg is not there without its extra
        """A timestamp of a session in UTC, without its offset."""

        def load(self, data: bytes) -> str:
            return str(super().load(data)).removesuffix("+00")

    for name in _AS_WRITTEN:
        loader = InUtc if name == "timestamptz" else psycopg.types.string.TextLoader
        opened.adapters.register_loader(name, loader)
