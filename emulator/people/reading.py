"""Who may read what a query names: the guard of a session (emulator.sql.guards), asked at name resolution; 5203.

Source: `fe/.../authorization/ColumnPrivilege.java`; recorded: `test/sql/test_view/R/test_security_view`. A view with
SECURITY NONE asks for SELECT on the view alone. One with INVOKER asks for SELECT on the tables that it names too (the
refusal names the view); of a view that it names, whatever that one's SECURITY is, it asks for what its query names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.people.privileges import VIEW
from emulator.sql.guards import Guard, everything

if TYPE_CHECKING:
    from emulator.people.access import Access
    from emulator.storage.engine import Engine


def guard_of(engine: Engine, access: Access, but: tuple[str, str] | None = None) -> Guard:
    """What a session may read. `but`: the target of an UPDATE or DELETE, for which another privilege was asked."""

    def may_read(db: str, name: str) -> Guard:
        if (db, name) == but:
            return everything
        access.need("SELECT", db, name)
        view = engine.view(db, name)
        return everything if view is None or view.security != "INVOKER" else _invoker(engine, access, name, may_read)

    return may_read


def _invoker(engine: Engine, access: Access, view: str, inside: Guard) -> Guard:
    def may_read(db: str, name: str) -> Guard:
        if engine.view(db, name) is not None:
            return inside
        if not access.allows_on("SELECT", db, name):
            raise access.denied("SELECT", VIEW, view)
        return everything

    return may_read
