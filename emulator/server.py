"""The embedded server as a whole: engine, MySQL port, HTTP ports.

with Server(data=Path("data")) as server:      # None = a temporary directory, removed at the end
    server.mysql_port, server.http_port, server.be_http_port
"""

import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from types import TracebackType
from typing import Self

from emulator import VERSION, async_jobs, tasks
from emulator.backup import running as backups
from emulator.http import backend, frontend
from emulator.information_schema import registry as system_tables
from emulator.injected_faults import InjectedFaults
from emulator.materialized_views import refresh
from emulator.people import accounts
from emulator.people.access import Access
from emulator.people.accounts import User
from emulator.results import Result
from emulator.session import Session
from emulator.sql.translate import Translation
from emulator.statements import alter_jobs, registry
from emulator.statements.querying import refuse_modified, run
from emulator.statements.routine_load import put_into_pause
from emulator.storage.engine import Engine
from emulator.storage.transactions import Transactions
from emulator.wire.protocol import Wire

HOST = "127.0.0.1"
# an expression of 1000 operators is a tree 1000 deep, and some calls a level
RECURSION_LIMIT = 20_000
THREAD_STACK_BYTES = 64 << 20


class Server:
    """A running server; port 0 = a free one, known after `start`.

    Public for the other modules: `engine`, `transactions`, `sessions` (by connection id), `global_variables`,
    `async_delay_ms`, `access_of(user)`, `on_start`/`on_stop` for what runs beside (HTTP, background jobs).
    """

    version = VERSION

    def __init__(
        self,
        data: Path | str | None = None,
        mysql_port: int = 0,
        http_port: int = 0,
        be_http_port: int = 0,
        root_password: str = "",
        async_delay_ms: int = 100,
        host: str = HOST,
        faults: bool = False,
    ) -> None:
        self.host = host
        self.faults = InjectedFaults(faults)
        self.mysql_port, self.http_port, self.be_http_port = mysql_port, http_port, be_http_port
        self.async_delay_ms = async_delay_ms
        self.global_variables: dict[str, str] = {}
        self.sessions: dict[int, Session] = {}
        self.started = time.time()
        self._data = data
        self._root_password = root_password
        self._connection_ids = itertools.count(1)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._engine: Engine | None = None
        self._translations: dict[tuple[str, str, Hashable], tuple[int, Translation]] = {}
        self._stop: list[Callable[[], None]] = []

    def start(self) -> Self:
        """Open the data directory and every port. Raises DataDirectoryInUse, OSError (port taken)."""
        registry.load()
        system_tables.load()
        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
        threading.stack_size(THREAD_STACK_BYTES)
        if self._data is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="starrocks-")
        directory = Path(self._data) if self._data is not None else Path(str(self._temporary and self._temporary.name))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            self._engine = self.engine = Engine(directory, self.async_delay_ms)
            self.transactions = Transactions(self.engine, self.faults)
            self.engine.before_commit = self.faults.refuse_commit
            self.faults.actions["forget_labels"] = self._forget_labels
            self.faults.actions["pause_routine_load"] = lambda wanted: put_into_pause(self, wanted)
            self._stop.append(async_jobs.of(self.engine).close)
            accounts.set_root_password(self.engine, self._root_password)
            self._serve()
            self.transactions.recover()
            backups.recover(self.engine)
            refresh.recover(self.engine)
            alter_jobs.recover(self)
            tasks.recover(self)
        except BaseException:
            self.stop()
            raise
        return self

    def _serve(self) -> None:
        wire = Wire((self.host, self.mysql_port), self)
        self.mysql_port = wire.server_address[1]
        thread = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05}, name="mysql", daemon=True)
        thread.start()
        self._stop.append(lambda: _close(wire))
        self._start_http()

    def _start_http(self) -> None:
        """Start the HTTP ports: `start(server)` of each module gives its port and a function that stops it."""
        self.be_http_port, stop_backend = backend.start(self)
        self._stop.append(stop_backend)
        self.http_port, stop_frontend = frontend.start(self)
        self._stop.append(stop_frontend)

    def fail_over(self) -> None:
        """The leader changes: whoever becomes it knows nothing of open transactions (prepared ones are kept)."""
        for session in list(self.sessions.values()):
            session.lose_transaction()
        self.transactions.end_open("cancelled after FE restart")

    def _forget_labels(self, wanted: object) -> None:
        """`true`: in every database; a name: in that one."""
        self.transactions.forget_labels(wanted if isinstance(wanted, str) else None)

    def stop(self) -> None:
        """Close the ports, end the sessions, write everything to disk."""
        while self._stop:
            self._stop.pop()()
        engine, self._engine = self._engine, None
        if engine is not None:
            self._end_sessions()
            engine.close()
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _end_sessions(self) -> None:
        """Stop what runs and hang up; wait a moment until every session has closed itself."""
        for session in list(self.sessions.values()):
            session.kill("Server is shutting down")
            session.disconnect()
        deadline = time.monotonic() + 5
        while self.sessions and time.monotonic() < deadline:
            time.sleep(0.01)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def next_connection_id(self) -> int:
        return next(self._connection_ids)

    def access_of(self, user: User) -> Access:
        """The rights of a session of a user that has logged in."""
        all_roles = self.global_variables.get("activate_all_roles_on_login") == "true"
        return Access(self.engine, user, all_roles)

    def session_of(self, user: User, database: str) -> Session:
        """A session of the server's own for a user who is not there, as a task has it."""
        return Session(self, Access(self.engine, user), database=database)

    def cached(self, session: Session, text: str) -> Callable[[], Result] | None:
        """A translation made before of exactly this text, ready to run; None when there is none."""
        found = self._translations.get((text, session.database, session.access.key))
        if found is None or found[0] != self.engine.version or session.temporary_tables:
            return None

        def again() -> Result:
            refuse_modified(session, found[1].tables)
            return run(session, found[1])

        return again

    def remember(self, session: Session, text: str, translation: Translation, version: int) -> None:
        """Keep a translation for the next time that exactly this text comes.

        `version` is the engine's from before it was made: what was revoked or dropped meanwhile is asked for again.
        """
        if not translation.cacheable or len(text) > 20000:
            return
        if len(self._translations) > 500:
            self._translations.clear()
        self._translations[text, session.database, session.access.key] = (version, translation)


def _close(wire: Wire) -> None:
    wire.shutdown()
    wire.server_close()
