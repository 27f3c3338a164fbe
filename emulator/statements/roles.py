"""CREATE, ALTER and DROP ROLE, SHOW ROLES, SET ROLE, SET DEFAULT ROLE.

Source: `docs/en/sql-reference/sql-statements/account-management/`, `fe/.../authorization/AuthorizationMgr.java`,
`fe/.../qe/SetRoleExecutor.java`; recorded: `test/sql/test_rbac`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed
from emulator.people import accounts, naming
from emulator.people.accounts import Role
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered
from emulator.statements.users import with_default_roles

if TYPE_CHECKING:
    from emulator.session import Session


@statement("CREATE ROLE")
def create_role(session: Session, reader: Reader) -> Result:
    """CREATE ROLE [IF NOT EXISTS] r, .. [COMMENT '..']."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    names = naming.read_roles(reader)
    comment = reader.comment()
    reader.end()
    known = [name for name in names if accounts.role(session.engine, name) is not None]
    if known and not if_not_exists:
        raise analysis(f"Operation CREATE ROLE failed for {known[0]} : role already exists")
    with session.engine.write(session.cursor) as unit:
        for name in names:
            if name not in known:
                accounts.save(unit, Role(name, session.engine.next_id(), comment))
    return Ok()


@statement("ALTER ROLE")
def alter_role(session: Session, reader: Reader) -> Result:
    """ALTER ROLE [IF EXISTS] r, .. SET COMMENT = '..'."""
    if_exists = reader.accept("IF", "EXISTS")
    names = naming.read_roles(reader)
    reader.expect("SET", "COMMENT", "=")
    comment = reader.string()
    reader.end()
    found = [accounts.role(session.engine, name) for name in names]
    with session.engine.write(session.cursor) as unit:
        for name, role in zip(names, found, strict=True):
            if role is None and not if_exists:
                raise failed(f"{name} doesn't exist")
            if role is not None and role.builtin:
                raise failed(f"{name} is immutable")
            if role is not None:
                accounts.save(unit, replace(role, comment=comment))
    return Ok()


@statement("DROP ROLE")
def drop_role(session: Session, reader: Reader) -> Result:
    """DROP ROLE [IF EXISTS] r, ..: who had it, has it no more."""
    if_exists = reader.accept("IF", "EXISTS")
    names = naming.read_roles(reader)
    reader.end()
    found = []
    for name in names:
        role = accounts.role(session.engine, name)
        if role is None and not if_exists:
            raise analysis(f"Operation DROP ROLE failed for {name} : role not exists")
        if role is not None and role.builtin:
            raise failed(f"role {name} cannot be dropped!")
        found += [role] if role is not None else []
    with session.engine.write(session.cursor) as unit:
        for role in found:
            accounts.drop(unit, role)
    return Ok()


@statement("SHOW ROLES")
def show_roles(session: Session, reader: Reader) -> Result:
    """SHOW ROLES: Name, Builtin, Comment."""
    listed = [[r.name, str(r.builtin).lower(), r.comment] for r in accounts.roles(session.engine)]
    return filtered(session, reader, ["Name", "Builtin", "Comment"], listed)


@statement("SET ROLE")
def set_role(session: Session, reader: Reader) -> Result:
    """SET ROLE {DEFAULT | NONE | ALL [EXCEPT r, ..] | r, ..}: which of the session's roles are active."""
    user = session.access.user
    if user is None:
        raise failed(f"cannot find user {session.identity}")
    if reader.accept("DEFAULT"):
        active = set(user.default_roles)
    elif reader.accept("NONE"):
        active = set()
    elif reader.accept("ALL"):
        left_out = _held(session, user, reader) if reader.accept("EXCEPT") else set()
        active = set(user.roles) - left_out
    else:
        active = _held(session, user, reader)
    reader.end()
    session.access.active = frozenset(active)
    return Ok()


def _held(session: Session, user: accounts.User, reader: Reader) -> set[int]:
    roles = [naming.role(session.engine, name, "Cannot set role") for name in naming.read_roles(reader)]
    for role in roles:
        if role.id not in user.roles:
            raise failed(f"Role {role.name} is not granted to {user.identity}")
    return {role.id for role in roles}


@statement("SET DEFAULT ROLE")
def set_default_role(session: Session, reader: Reader) -> Result:
    """SET DEFAULT ROLE {NONE | ALL | r, ..} TO u: the roles that are active after login."""
    start = reader.at
    while not reader.at_end() and not reader.next_is("TO"):
        reader.at += 1
    reader.expect("TO")
    user = naming.user(session.engine, naming.read_user(reader))
    reader.end()
    if user.identity != session.identity:
        session.access.need_system("GRANT")
    reader.at = start
    changed = with_default_roles(session, user, reader)
    with session.engine.write(session.cursor) as unit:
        accounts.save(unit, changed)
    return Ok()
