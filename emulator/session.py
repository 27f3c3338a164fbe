"""A client's session: its database, variables, explicit transaction, and the way of a statement through the server."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import duckdb

from emulator.errors import StarRocksError, analysis, no_database, unknown_database
from emulator.people import passwords
from emulator.people.access import Access
from emulator.people.rules import authorize
from emulator.results import Ok, Result
from emulator.sql import dialect, values
from emulator.sql.dialect import Statement
from emulator.sql.reader import Reader
from emulator.sql.scope import Columns
from emulator.statements import grammar, registry
from emulator.statements.insert import insert_values
from emulator.storage.catalog import SYSTEM_DATABASES, Table
from emulator.storage.engine_errors import translated
from emulator.storage.explicit import Explicit, txn_info
from emulator.storage.transactions import PREPARE
from emulator.storage.writing import Batch, drop_stage
from emulator.variables import Variables

if TYPE_CHECKING:
    from emulator.server import Server
    from emulator.storage.engine import Engine
    from emulator.storage.transactions import Transactions


class Session:
    """One client. Not for use by two threads at a time, except `kill`."""

    def __init__(self, server: "Server", access: Access, host: str = "127.0.0.1", database: str = "") -> None:
        self.server = server
        self.access = access
        self.user = access.login
        self.host = host
        self.database = ""
        self.connection_id = server.next_connection_id()
        self.variables = Variables(server.global_variables)
        self.cursor: duckdb.DuckDBPyConnection = server.engine.cursor()
        self.explicit: Explicit | None = None
        self.temporary_tables: dict[tuple[str, str], Table] = {}
        self.hints: Mapping[str, str] = {}
        self.started = time.time()
        self.busy_since: float | None = None
        self.statement = ""
        self.last_query_id = ""
        self.wanted: Mapping[str, str] = {}
        self.command = "Sleep"
        self._timer: threading.Timer | None = None
        self.disconnect: Callable[[], None] = lambda: None
        self._interrupted = ""
        if database:
            self.use(database)

    @property
    def engine(self) -> "Engine":
        return self.server.engine

    @property
    def transactions(self) -> "Transactions":
        return self.server.transactions

    @property
    def identity(self) -> str:
        """The value of current_user()."""
        return self.access.identity

    def use(self, database: str) -> None:
        """Change the current database. Raises 1049-like 5501 when there is none of that name."""
        name = database.removeprefix("default_catalog.")
        if name not in SYSTEM_DATABASES and self.engine.get("database", "", name) is None:
            raise unknown_database(name)
        if not self.access.sees_database(name):
            raise self.access.denied("ANY", "DATABASE", name)
        self.database = name

    def db_of(self, db: str) -> str:
        """The database that a name belongs to: the given one or the current one; checked.

        Raises 1046 when neither is there, 5501 when it does not exist.
        """
        name = db or self.database
        if not name:
            raise no_database()
        if name not in SYSTEM_DATABASES:
            self.engine.database(name)
        return name

    def table(self, db: str, name: str) -> Table:
        """The table of that name; the session's own temporary table goes before. Raises 1046, 5501, 5502."""
        db = self.db_of(db)
        return self.temporary_tables.get((db, name)) or self.engine.table(db, name)

    def execute(self, text: str) -> Iterator[Result]:
        """Run a client's text: one result a statement. The first error ends it.

        A result set is lazy: read it to its end before asking for the next.
        """
        quick = self.server.cached(self, text)
        if quick is not None:
            self._begin(text)
            try:
                yield quick()
            except duckdb.Error as error:
                raise self.told(error) from error
            finally:
                self._end()
            return
        bulk = values.scan(text)
        if bulk is not None:
            self._begin(text[:1000])
            try:
                yield self.insert_values(*bulk)
            except duckdb.Error as error:
                raise self.told(error) from error
            finally:
                self._end()
            return
        for statement in dialect.split(text):
            self._begin(passwords.hidden(statement))
            try:
                yield self.run(statement)
            except duckdb.Error as error:
                raise self.told(error) from error
            finally:
                self._end()

    def insert_values(self, head: str, query: str, columns: Columns) -> Result:
        """INSERT of literal rows that `emulator.sql.values` has read: the same as any other, without the parser."""
        self.hints = {}
        (statement,) = dialect.split(head)
        return insert_values(self, Reader(statement), query, columns)

    def run(self, statement: Statement) -> Result:
        """Run one statement."""
        reader = Reader(statement)
        handler = registry.find(reader)
        if handler is None:
            raise grammar.refusal(reader)
        if self.explicit is not None and not handler.in_transaction:
            raise analysis(
                "Explicit transaction only support begin/commit/rollback/insert/update/delete/set/select statements",
                5305,
            )
        authorize(self, " ".join(token.text.upper() for token in reader.tokens[: handler.words]), reader)
        self.hints = statement.hints
        for name in statement.hints:
            self.variables.get(name)
        return handler.handle(self, reader)

    def kill(self, reason: str = "Query killed") -> None:
        """Stop the running statement; the session goes on. Callable from any thread."""
        self._interrupted = reason
        with contextlib.suppress(duckdb.ConnectionException):
            self.cursor.interrupt()

    def told(self, error: duckdb.Error) -> StarRocksError:
        """What the client is told of an error of the engine underneath."""
        if isinstance(error, duckdb.InterruptException):
            code = 5024 if "timeout" in self._interrupted else 1317
            return StarRocksError(code, self._interrupted or "Query cancelled")
        return translated(error)

    def _begin(self, text: str) -> None:
        self.server.faults.before_statement(text)
        self.statement, self.command, self.busy_since = text, "Query", time.time()
        self._interrupted = ""
        self.last_query_id = str(uuid.uuid1())
        seconds = float(self.variables.get("query_timeout" if text[:6].lower() == "select" else "insert_timeout"))
        if seconds < 3600:
            self._timer = threading.Timer(seconds, self.kill, [f"Query reached its timeout of {seconds:g} seconds"])
            self._timer.daemon = True
            self._timer.start()

    def _end(self) -> None:
        self.statement, self.command, self.busy_since = "", "Sleep", None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def lose_transaction(self) -> None:
        """A failover: the explicit transaction is gone, and the next COMMIT or ROLLBACK says so."""
        if self.explicit is not None:
            self.explicit.lost = True

    def forget_lost_transaction(self) -> bool:
        """Whether the explicit transaction was lost, or open for longer than its timeout; there is none afterwards."""
        explicit = self.explicit
        if explicit is None:
            return False
        self.transactions.get(explicit.transaction.id)
        if not explicit.lost and explicit.transaction.state == PREPARE:
            return False
        self.explicit = None
        self.drop_stages(explicit.transaction.batches)
        self.transactions.abort(explicit.transaction, "the transaction's state was lost")
        return True

    def rollback(self) -> Ok:
        """Give up the explicit transaction, if there is one."""
        explicit, self.explicit = self.explicit, None
        if explicit is None:
            return Ok()
        txn = explicit.transaction
        self.drop_stages(txn.batches)
        self.transactions.abort(txn, "rollback transaction by user", self.cursor if txn.db else None)
        if not txn.db:
            self.transactions.forget(txn)
        return Ok(info=txn_info(txn))

    def drop_stages(self, batches: list[Batch]) -> None:
        """Forget the rows that were staged on this session's cursor."""
        for batch in batches:
            drop_stage(self.cursor, batch.stage)

    def become(self, access: Access, database: str) -> None:
        """COM_CHANGE_USER: be another user from now on. Raises 5501; then nothing has changed."""
        before, self.access = self.access, access
        try:
            if database:
                self.use(database)
        except StarRocksError:
            self.access = before
            raise
        self.user = access.login

    def reset(self) -> None:
        """COM_RESET_CONNECTION: as if newly connected."""
        self.rollback()
        self.variables.reset()

    def close(self) -> None:
        """The client is gone: roll back and free everything."""
        self.rollback()
        self.cursor.close()
