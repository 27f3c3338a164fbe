"""What SHOW and information_schema list: only objects on which something is granted.

Sources: `fe/.../qe/ShowExecutor.java`, `fe/.../service/InformationSchemaDataSource.java`, `catalog/system/`. Rows of
`loads` and `load_tracking_logs` are not held back, as on a real cluster: rejected rows are in the latter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from emulator.storage.catalog import SYSTEM_DATABASES

if TYPE_CHECKING:
    from emulator.session import Session

Row = Sequence[Any]
_UNFILTERED = frozenset(
    {"loads", "load_tracking_logs", "applicable_roles", "user_privileges", "schema_privileges", "table_privileges"}
    | {"column_privileges", "collations", "character_sets", "engines", "keywords", "session_variables"}
    | {"global_variables", "grants_to_users", "grants_to_roles", "role_edges", "routines", "triggers", "events"}
)
_DATABASE = ("table_schema", "db_name", "database_name", "task_database", "schema_name", "database", "schema")
_TABLE = ("table_name", "name")


def may_see(session: Session, db: str, name: str) -> bool:
    """True when anything is granted on the table, view or materialized view."""
    return db in SYSTEM_DATABASES or session.access.sees(db, name)


def databases(session: Session, names: Iterable[str]) -> list[str]:
    """Those of the databases that the session may know of."""
    return [name for name in names if session.access.sees_database(name)]


def rows(session: Session, table: str, columns: Sequence[str], found: Iterable[Row]) -> list[Row]:
    """The rows of a system table that the session may see.

    Raises 5203 for a table whose rows belong to no object: those want OPERATE, as StarRocks' tables of nodes do.
    """
    if session.access.is_root or table in _UNFILTERED:
        return list(found)
    visible = _filter(session, [name.lower() for name in columns])
    return [row for row in found if visible(row)]


def _filter(session: Session, columns: list[str]) -> Callable[[Row], bool]:
    db = next((columns.index(name) for name in _DATABASE if name in columns), None)
    if db is None:
        session.access.need_system("OPERATE")
        return lambda _: True
    name = next((columns.index(each) for each in _TABLE if each in columns), None)
    known: dict[tuple[str, str], bool] = {}

    def visible(row: Row) -> bool:
        schema, table = str(row[db] or ""), str(row[name] or "") if name is not None else ""
        if (schema, table) not in known:
            known[schema, table] = (
                session.access.sees_database(schema) if name is None else may_see(session, schema, table)
            )
        return known[schema, table]

    return visible
