"""How SHOW GRANTS writes grants, and which catalog it puts beside them.

Source: `fe/.../authorization/ShowGrantsExecutor.java`, `fe/.../sql/formatter/AST2StringVisitor.java`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.people import accounts, objects
from emulator.people.accounts import Role, User
from emulator.people.grants import Grant, Target
from emulator.people.privileges import CATALOG, DATABASE, DEFAULT_CATALOG, EVERY, PARTS, PRIVILEGES, SYSTEM, TABLE

if TYPE_CHECKING:
    from emulator.storage.engine import Engine

Row = tuple[str, str | None, str]


def target_text(engine: Engine, kind: str, target: Target) -> str | None:
    """`TABLE db.t`, `ALL TABLES IN DATABASE db`, `SYSTEM` ...; None for an object that is gone."""
    if kind == SYSTEM:
        return SYSTEM
    if PARTS[kind] == 2:
        if target[0] == EVERY:
            return f"ALL {kind}S IN ALL DATABASES"
        if target[1] == EVERY:
            db = objects.database_name(engine, target[0])
            return f"ALL {kind}S IN DATABASE {db}" if db is not None else None
        name = objects.table_name(engine, target)
    elif target[0] == EVERY:
        return f"ALL {kind}S"
    else:
        name = objects.database_name(engine, target[0]) if kind == DATABASE else str(target[0])
    return f"{kind} {name}" if name is not None else None


def listed(privileges: Iterable[str], kind: str) -> list[str]:
    """The privileges in StarRocks' order."""
    return [each for each in PRIVILEGES[kind] if each in privileges]


def rows(engine: Engine, holder: User | Role) -> list[Row]:
    """What SHOW GRANTS prints for a user or a role."""
    is_user = isinstance(holder, User)
    name = holder.identity if isinstance(holder, User) else holder.name
    own = holder.roles if isinstance(holder, User) else holder.parents
    roles = ", ".join(f"'{each}'" for each in accounts.names(engine, own))
    found: list[Row] = [(name, None, f"GRANT {roles} TO {'' if is_user else 'ROLE '}{name}")] if roles else []
    for grant in holder.grants:
        on = target_text(engine, grant.kind, grant.target)
        if on is not None:
            to = f"USER {name}" if is_user else f"ROLE '{name}'"
            option = " WITH GRANT OPTION" if grant.grantable else ""
            text = f"GRANT {', '.join(listed(grant.privileges, grant.kind))} ON {on} TO {to}{option}"
            builtin = isinstance(holder, Role) and holder.builtin
            found.append((name, catalog_of(grant, builtin), text))
    return found


def catalog_of(grant: Grant, builtin: bool) -> str | None:
    """The catalog that a grant is about; None for every catalog."""
    if grant.kind == CATALOG:
        return None if grant.target[0] == EVERY else str(grant.target[0])
    if builtin and grant.kind in (TABLE, DATABASE) and grant.target[0] == EVERY:
        return None
    return DEFAULT_CATALOG
