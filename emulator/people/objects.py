"""Names as grants keep them: ids of databases, tables and views, so that a grant follows an object that is renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.people.grants import Target
from emulator.people.privileges import EVERY, MATERIALIZED_VIEW, TABLE, VIEW
from emulator.storage.catalog import SYSTEM_DATABASES

if TYPE_CHECKING:
    from emulator.storage.engine import Engine


def database(engine: Engine, name: str) -> int | str | None:
    """The id of a database; None when there is none. System databases go by their names."""
    if name in SYSTEM_DATABASES:
        return name
    found = engine.get("database", "", name)
    return found.id if found is not None else None


def kind_of(engine: Engine, db: str, name: str) -> str:
    """TABLE, VIEW or MATERIALIZED VIEW; TABLE for a name that nothing has."""
    if engine.materialized_view(db, name) is not None:
        return MATERIALIZED_VIEW
    return VIEW if engine.view(db, name) is not None else TABLE


def table(engine: Engine, db: str, name: str) -> Target | None:
    """The ids of a table, view or materialized view; None when there is none."""
    number = database(engine, db)
    if number is None:
        return None
    if isinstance(number, str):
        return (number, name.lower())
    found = engine.get("table", db, name) or engine.view(db, name)
    return (number, found.id) if found is not None else None


def database_name(engine: Engine, number: int | str) -> str | None:
    """The name that a database has now."""
    if isinstance(number, str):
        return number
    return next((each.name for each in engine.all("database") if each.id == number), None)


def table_name(engine: Engine, target: Target) -> str | None:
    """`db.name` as it is now; None when the object is gone."""
    db = database_name(engine, target[0])
    if db is None:
        return None
    if isinstance(target[1], str):
        return f"{db}.{target[1]}" if target[1] != EVERY else None
    for kind in ("table", "view"):
        for each in engine.all(kind, db):
            if each.id == target[1]:
                return f"{db}.{each.name}"
    return None
