"""One DuckDB database file, its catalogue of objects, and the one way to write both.

    engine = Engine(Path("data"))
    cursor = engine.cursor()                     # one a session or thread; never shared
    with engine.write(cursor) as unit:           # waits for the write lock, BEGIN ... COMMIT
        unit.execute("insert into default_catalog.data.t10001 values (1)")
        unit.save(table)                         # a dataclass of emulator.storage.catalog
        unit.put("repository", "", "repo1", {"location": "file:///backups"})   # any other object: a JSON dict
    engine.table("dw", "fact_trade")             # reads come from a mirror in memory: committed state only
    engine.get("repository", "", "repo1")

Objects and rows are committed together or not at all: both are in the same DuckDB transaction, and the mirror
changes after COMMIT only. Readers never wait. Writers wait for each other (`LOCK_SECONDS`, then error 1205): the
lock is held while a unit of work is applied, not while a client thinks, because explicit transactions stage
their rows first and apply them at COMMIT (see emulator.storage.transactions).

Files in the data directory: `starrocks.duckdb` (rows and objects), `lock`, `spool/` (the only directory that
SQL may read or write files in; a module that needs files elsewhere moves them through it), `temp/`.
"""

import contextlib
import fcntl
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import duckdb

from emulator.errors import lock_timeout, unknown_database, unknown_table
from emulator.functions.macros import MACROS
from emulator.functions.native import register
from emulator.storage.catalog import Database, MaterializedView, Table, View

LOCK_SECONDS = 60.0
ID_BLOCK = 10000
FRONTEND_CONFIG = {
    "label_keep_max_num": "1000",
    "label_keep_max_second": "259200",
    "empty_load_as_error": "true",
    "default_replication_num": "3",
    "task_runs_ttl_second": "604800",
    "stream_load_default_timeout_second": "600",
    "max_stream_load_timeout_second": "259200",
    "max_running_txn_num_per_db": "1000",
    "stream_load_task_keep_max_second": "259200",
}
CLASSES = {each.kind: each for each in (Database, Table, View, MaterializedView)}
RESTORING = "restoring"  # kind of the objects that close a table while a RESTORE job writes it
# what a translated query depends on: the objects that it names, and who may read them
VERSIONED = frozenset({*CLASSES, "user", "role", RESTORING})
# What DuckDB says when the log was written and only moving it into the file failed.
COMMITTED_NEVERTHELESS = "COMMIT succeeded and is durable"
DATABASE_FILES = ("starrocks.duckdb", "starrocks.duckdb.wal")
Key = tuple[str, str]
CatalogObject = Database | Table | View | MaterializedView
ObjectT = TypeVar("ObjectT", Database, Table, View, MaterializedView)


class DataDirectoryInUse(Exception):
    """Another server has this data directory open."""


class Unit:
    """A unit of work: statements and object changes that become visible together. Made by `Engine.write`."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor
        self.changes: dict[tuple[str, str, str], Any] = {}

    def execute(self, sql: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run one DuckDB statement inside the transaction."""
        return self.cursor.execute(sql, parameters) if parameters else self.cursor.execute(sql)

    def save(self, item: CatalogObject) -> None:
        """Put a catalogue object under its kind, database and name."""
        database, name = ("", item.name) if isinstance(item, Database) else (item.db, item.name)
        self._write(item.kind, database, name, item.to_json(), item)

    def put(self, kind: str, db: str, name: str, body: Mapping[str, Any]) -> None:
        """Put any other object; `body` must be JSON."""
        self._write(kind, db, name, body, dict(body))

    def delete(self, kind: str, db: str, name: str) -> None:
        """Remove an object; absent is no error."""
        self._erase(kind, db, name)
        self.changes[kind, db, name] = None

    def _write(self, kind: str, db: str, name: str, body: Mapping[str, Any], value: Any) -> None:
        self._erase(kind, db, name)
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        self.cursor.execute("insert into default_catalog.__sr.obj values (?, ?, ?, ?)", [kind, db, name, text])
        self.changes[kind, db, name] = value

    def _erase(self, kind: str, db: str, name: str) -> None:
        self.cursor.execute(
            "delete from default_catalog.__sr.obj where kind = ? and db = ? and name = ?", [kind, db, name]
        )


class Engine:
    """The database of one server process. `async_delay_ms`: how long asynchronous jobs stay in each state."""

    def __init__(self, directory: Path, async_delay_ms: int = 100) -> None:
        self.directory = directory
        self.async_delay_ms = async_delay_ms
        self.spool = directory / "spool"
        self.spool.mkdir(parents=True, exist_ok=True)
        self._lock_file = self._claim()
        self._connection = _connect(directory)
        self._cursors = threading.Lock()
        self._writing = threading.Lock()
        self._ids = threading.Lock()
        self._mirror: dict[str, dict[Key, Any]] = {}
        self.version = 0
        self.before_commit: Callable[[], None] = lambda: None
        self._load()
        self._reserve_ids()

    def _claim(self) -> Any:
        handle = (self.directory / "lock").open("a")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise DataDirectoryInUse(
                f"{self.directory}: another embedded server has this directory open; stop it, or give another --data"
            ) from None
        return handle

    def _load(self) -> None:
        rows = self._connection.execute("select kind, db, name, body from default_catalog.__sr.obj").fetchall()
        for kind, db, name, body in rows:
            value = json.loads(body)
            loaded = CLASSES[kind].from_json(value) if kind in CLASSES else value
            self._mirror.setdefault(kind, {})[db, name] = loaded

    def _reserve_ids(self) -> None:
        start = (self.get("counter", "", "id") or {"next": ID_BLOCK})["next"]
        with self.write(self._connection) as unit:
            unit.put("counter", "", "id", {"next": start + ID_BLOCK})
        self._next_id, self._id_limit = start, start + ID_BLOCK

    def next_id(self) -> int:
        """A number never given before, also not before a restart: for objects, transactions and jobs."""
        with self._ids:
            if self._next_id >= self._id_limit:
                self._id_limit += ID_BLOCK
                cursor = self.cursor()
                cursor.execute(
                    "update default_catalog.__sr.obj set body = ? where kind = 'counter' and name = 'id'",
                    [json.dumps({"next": self._id_limit})],
                )
                cursor.close()
            self._next_id += 1
            number: int = self._next_id
        return number

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the same database; autocommit. Close it when the session ends."""
        with self._cursors:
            return self._connection.cursor()

    @contextmanager
    def write(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[Unit]:
        """One transaction on `cursor` under the write lock; an exception rolls everything back.

        Raises StarRocksError 1205 when another writer holds the lock for more than LOCK_SECONDS. Not reentrant.
        """
        if not self._writing.acquire(timeout=LOCK_SECONDS):
            raise lock_timeout(LOCK_SECONDS)
        try:
            cursor.execute("begin transaction")
            unit = Unit(cursor)
            try:
                yield unit
                self.before_commit()
            except BaseException as error:
                self._undo(cursor, error)
                raise
            try:
                cursor.execute("commit")
            except duckdb.Error as error:
                self._undo(cursor, error)
                if COMMITTED_NEVERTHELESS not in str(error):
                    raise
            self._publish(unit.changes)
        finally:
            self._writing.release()

    def _undo(self, cursor: duckdb.DuckDBPyConnection, error: BaseException) -> None:
        """End a transaction that failed. A file that could not be written is opened anew with what was committed."""
        with contextlib.suppress(duckdb.Error):  # DuckDB has ended it already
            cursor.execute("rollback")
        if "has been invalidated" in str(error):
            self._connection.execute("detach default_catalog")
            self._connection.execute(f"attach {_text(self.directory / 'starrocks.duckdb')} as default_catalog")

    def _publish(self, changes: dict[tuple[str, str, str], Any]) -> None:
        """Show committed changes to readers: new dicts, so that a reader's dict never changes under it."""
        for kind in {kind for kind, _, _ in changes}:
            changed = dict(self._mirror.get(kind, {}))
            for (each, db, name), value in changes.items():
                if each == kind and value is None:
                    changed.pop((db, name), None)
                elif each == kind:
                    changed[db, name] = value
            self._mirror[kind] = changed
        if any(kind in VERSIONED for kind, _, _ in changes):
            self.version += 1

    def get(self, kind: str, db: str, name: str) -> Any:
        """The committed object, or None: a dataclass for the kinds of the catalog module, else a dict. Read only."""
        return self._mirror.get(kind, {}).get((db, name))

    def all(self, kind: str, db: str | None = None) -> list[Any]:
        """Every committed object of a kind (of one database), in the order of (db, name)."""
        found = self._mirror.get(kind, {})
        return [found[key] for key in sorted(found) if db is None or key[0] == db]

    def items(self, kind: str) -> Mapping[Key, Any]:
        """Every committed object of a kind under its (db, name); a snapshot."""
        return MappingProxyType(self._mirror.get(kind, {}))

    def database(self, name: str) -> Database:
        """The database; StarRocksError 5501 if there is none."""
        found = self.get("database", "", name)
        if found is None:
            raise unknown_database(name)
        return found  # type: ignore[no-any-return]

    def table(self, db: str, name: str) -> Table:
        """The table (also a materialized view's rows); StarRocksError 5501 or 5502 if there is none."""
        self.database(db)
        found = self.get("table", db, name)
        if found is None:
            raise unknown_table(f"{db}.{name}")
        return found  # type: ignore[no-any-return]

    def view(self, db: str, name: str) -> View | None:
        return self.get("view", db, name)  # type: ignore[no-any-return]

    def materialized_view(self, db: str, name: str) -> MaterializedView | None:
        return self.get("materialized_view", db, name)  # type: ignore[no-any-return]

    def config(self, name: str) -> str:
        """A frontend setting (ADMIN SET FRONTEND CONFIG), else its default."""
        changed: dict[str, str] | None = self.get("config", "", name)
        return changed["value"] if changed else FRONTEND_CONFIG[name]

    def used_bytes(self) -> int:
        """Size of the database file and its log."""
        return sum(path.stat().st_size for path in self.directory.glob("starrocks.duckdb*"))

    def close(self) -> None:
        """Wait for the running writer, write everything to the file, give up the directory."""
        with self._writing:
            self._connection.close()
            self._lock_file.close()


def _connect(directory: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    spool, temp = directory / "spool", directory / "temp"
    for statement in (
        f"set temp_directory = {_text(temp)}",
        "set autoinstall_known_extensions = false",
        "set autoload_known_extensions = false",
        f"attach {_text(directory / 'starrocks.duckdb')} as default_catalog",
        f"set allowed_directories = [{_text(spool)}]",
        f"set allowed_paths = [{', '.join(_text(directory / name) for name in DATABASE_FILES)}]",
        "set enable_external_access = false",
        "set python_enable_replacements = false",
        "set global default_null_order = 'nulls_first_on_asc_last_on_desc'",
        "set global error_on_division_by_zero = false",
        "set global ieee_floating_point_ops = false",
        "set global TimeZone = 'UTC'",
        "create schema if not exists default_catalog.__sr",
        "create schema if not exists default_catalog.data",
        "create table if not exists default_catalog.__sr.obj (kind varchar, db varchar, name varchar, body varchar)",
    ):
        connection.execute(statement)
    register(connection)
    for macro in MACROS:
        connection.execute(macro)
    return connection


def _text(path: Path) -> str:
    return "'" + str(path.resolve()).replace("'", "''") + "'"
