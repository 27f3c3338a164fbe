"""Who has what: sys.grants_to_users, sys.grants_to_roles, sys.role_edges, information_schema.applicable_roles.

Columns: `fe/.../catalog/system/sys/GrantsTo.java`, `RoleEdges.java`, `catalog/system/information/`; recorded:
`test/sql/test_rbac/R/test_grants_to_system_table`, `test/sql/test_information_schema/R/test_applicable_roles`. The
`*_privileges` of information_schema are empty in StarRocks too (`FrontendServiceImpl.getUserPrivs` and its like).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from emulator.information_schema.registry import system_table
from emulator.people import accounts, objects, wording
from emulator.people.accounts import Role, User
from emulator.people.grants import Grant
from emulator.people.privileges import (
    CATALOG,
    DATABASE,
    DEFAULT_CATALOG,
    EVERY,
    MATERIALIZED_VIEW,
    SYSTEM,
    TABLE,
    USER,
    VIEW,
)

if TYPE_CHECKING:
    from emulator.session import Session

_GRANTS = "GRANTEE OBJECT_CATALOG OBJECT_DATABASE OBJECT_NAME OBJECT_TYPE PRIVILEGE_TYPE IS_GRANTABLE"
_PRIVILEGES = "GRANTEE TABLE_CATALOG PRIVILEGE_TYPE IS_GRANTABLE"
_KINDS = {TABLE: "table", VIEW: "view", MATERIALIZED_VIEW: "materialized_view"}
Place = tuple[str | None, str | None, str | None]


@system_table("sys.grants_to_users", _GRANTS)
def grants_to_users(session: "Session") -> Iterable[Sequence[Any]]:
    """What is granted to users themselves; root's is not listed."""
    for user in accounts.users(session.engine):
        if user.identity != accounts.ROOT.identity:
            yield from _rows(session, user.identity, user)


@system_table("sys.grants_to_roles", _GRANTS)
def grants_to_roles(session: "Session") -> Iterable[Sequence[Any]]:
    """What is granted to roles; those that are always there, but public, are not listed."""
    for role in accounts.roles(session.engine):
        if not role.builtin or role.id == accounts.PUBLIC_ID:
            yield from _rows(session, role.name, role)


def _rows(session: "Session", name: str, holder: User | Role) -> Iterator[Sequence[Any]]:
    for grant in holder.grants:
        for place in _places(session, grant):
            for privilege in wording.listed(grant.privileges, grant.kind):
                yield (name, *place, grant.kind, privilege, "YES" if grant.grantable else "NO")


def _places(session: "Session", grant: Grant) -> Iterator[Place]:
    """Catalog, database and name of each object that a grant is on now; `ALL ...` is spelt out."""
    engine = session.engine
    if grant.kind == SYSTEM:
        yield None, None, None
    elif grant.kind == CATALOG:
        yield DEFAULT_CATALOG, None, None
    elif grant.kind == USER:
        everybody = [user.identity for user in accounts.users(engine)]
        for name in everybody if grant.target[0] == EVERY else [str(grant.target[0])]:
            yield None, None, name
    else:
        for database in engine.all("database"):
            if grant.target[0] not in (EVERY, database.id):
                continue
            if grant.kind == DATABASE:
                yield DEFAULT_CATALOG, database.name, None
                continue
            for item in engine.all(_KINDS[grant.kind], database.name):
                target = objects.table(engine, database.name, item.name)
                kind = objects.kind_of(engine, database.name, item.name)
                if target is not None and grant.covers(kind, target):
                    yield DEFAULT_CATALOG, database.name, item.name


@system_table("sys.role_edges", "FROM_ROLE TO_ROLE TO_USER")
def role_edges(session: "Session") -> Iterable[Sequence[Any]]:
    """Which role was granted to which role or user."""
    engine = session.engine
    for role in accounts.roles(engine):
        for name in accounts.names(engine, role.parents):
            yield name, role.name, None
    for user in accounts.users(engine):
        for name in accounts.names(engine, user.roles):
            yield name, None, user.identity


@system_table(
    "applicable_roles", "USER HOST GRANTEE GRANTEE_HOST ROLE_NAME ROLE_HOST IS_GRANTABLE IS_DEFAULT IS_MANDATORY"
)
def applicable_roles(session: "Session") -> Iterable[Sequence[Any]]:
    """The roles of the current user."""
    user = session.access.user
    if user is None:
        return
    for name in accounts.names(session.engine, user.roles):
        yield user.name, user.host, user.name, user.host, name, "%", "NO", "NO", "NO"


@system_table("user_privileges", _PRIVILEGES)
@system_table("schema_privileges", "GRANTEE TABLE_CATALOG TABLE_SCHEMA PRIVILEGE_TYPE IS_GRANTABLE")
@system_table("table_privileges", "GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PRIVILEGE_TYPE IS_GRANTABLE")
@system_table(
    "column_privileges", "GRANTEE TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME PRIVILEGE_TYPE IS_GRANTABLE"
)
def privileges(_session: "Session") -> Iterable[Sequence[Any]]:
    """Always empty, as in StarRocks."""
    return ()
