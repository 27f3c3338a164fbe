"""What the walk over a query asks for each table and view that it names: may this be read?

A guard is asked with (db, name) and raises StarRocksError, or gives the guard for what is inside of that view.
Whose guard it is, is not known here: a session's is made by `emulator.people.reading`.
"""

from __future__ import annotations

from typing import Protocol

from emulator.errors import failed


class Guard(Protocol):
    """May this be read? Raises StarRocksError; gives the guard for what is inside of a view."""

    def __call__(self, db: str, name: str, /) -> Guard: ...


def nobody(db: str, name: str) -> Guard:
    """Where no table may be named: expressions of columns and of loads."""
    raise failed(f"{db}.{name} cannot be read here: an expression of columns names no tables")


def everything(_db: str, _name: str) -> Guard:
    """The server itself, and what is inside of a view with SECURITY NONE."""
    return everything
