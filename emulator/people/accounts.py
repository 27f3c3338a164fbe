"""Users and roles as objects of the engine, in the data directory like tables; the roles that StarRocks brings along.

Source: `fe/.../authorization/AuthorizationMgr.java` (`initBuiltinRolesAndUsers`), `PrivilegeBuiltinConstants.java`.
Roles are held by id: a role that is made again under the name of a dropped one is another role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from emulator.people import passwords
from emulator.people.grants import Grant, Grants, Target
from emulator.people.privileges import (
    CATALOG,
    DATABASE,
    EVERY,
    MATERIALIZED_VIEW,
    PARTS,
    PRIVILEGES,
    SYSTEM,
    TABLE,
    USER,
    VIEW,
)

if TYPE_CHECKING:
    from emulator.storage.engine import Engine, Unit

ANY_HOST = "%"
ROOT_ID, DB_ADMIN_ID, CLUSTER_ADMIN_ID, USER_ADMIN_ID, PUBLIC_ID, SECURITY_ADMIN_ID = -1, -2, -3, -4, -5, -106


@dataclass(frozen=True)
class User:
    """A user: `password` is what `passwords.hashed` made of it; `roles` are ids, `default_roles` a part of them."""

    name: str
    host: str = ANY_HOST
    password: str = ""
    roles: tuple[int, ...] = ()
    default_roles: tuple[int, ...] = ()
    grants: Grants = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """As current_user() and SHOW GRANTS write it."""
        return identity(self.name, self.host)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        return cls(**_read(body, "roles", "default_roles"))


@dataclass(frozen=True)
class Role:
    """A role: `parents` are the ids of the roles granted to it, whose privileges it has too."""

    name: str
    id: int
    comment: str = ""
    parents: tuple[int, ...] = ()
    grants: Grants = ()
    builtin: bool = False

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        return cls(**_read(body, "parents"))


def _read(body: Mapping[str, Any], *tuples: str) -> dict[str, Any]:
    values = {**body, "grants": tuple(Grant.from_json(each) for each in body["grants"])}
    return {**values, **{name: tuple(body[name]) for name in tuples}}


def identity(name: str, host: str) -> str:
    """`'name'@'host'`."""
    return f"'{name}'@'{host}'"


# -- the roles that are always there -------------------------------------------------------------------------------


def _all(*kinds: str) -> Grants:
    return tuple(Grant(kind, (EVERY,) * PARTS[kind], frozenset(PRIVILEGES[kind])) for kind in kinds)


def _system(*privileges: str) -> Grants:
    return (Grant(SYSTEM, (), frozenset(privileges)),)


_DB_ADMIN = frozenset(PRIVILEGES[SYSTEM]) - {"GRANT", "NODE", "CREATE WAREHOUSE"}
_INFORMATION_SCHEMA: Target = ("information_schema", EVERY)
BUILTIN = (
    Role("root", ROOT_ID, "built-in root role which has all privileges on all objects", (), _all(*PRIVILEGES), True),
    Role(
        "db_admin",
        DB_ADMIN_ID,
        "built-in database administration role",
        (),
        _system(*_DB_ADMIN) + _all(CATALOG, DATABASE, TABLE, VIEW, MATERIALIZED_VIEW),
        True,
    ),
    Role("cluster_admin", CLUSTER_ADMIN_ID, "built-in cluster administration role", (),
         _system("NODE", "CREATE WAREHOUSE"), True),
    Role("user_admin", USER_ADMIN_ID, "built-in user administration role", (), _system("GRANT") + _all(USER), True),
    Role("security_admin", SECURITY_ADMIN_ID, "built-in security administration role", (),
         _system("SECURITY", "OPERATE"), True),
    Role("public", PUBLIC_ID, "built-in public role which is owned by any user", (),
         (Grant(TABLE, _INFORMATION_SCHEMA, frozenset({"SELECT"})),), True),
)  # fmt: skip
ROOT = User("root", roles=(ROOT_ID,), default_roles=(ROOT_ID,))


# -- finding -------------------------------------------------------------------------------------------------------


def users(engine: Engine) -> list[User]:
    """Every user, by name and host."""
    found = [User.from_json(body) for body in engine.all("user")]
    return found if any(each.identity == ROOT.identity for each in found) else [ROOT, *found]


def user(engine: Engine, key: str) -> User | None:
    """The user of an identity."""
    body = engine.get("user", "", key)
    if body is None:
        return ROOT if key == ROOT.identity else None
    return User.from_json(body)


def roles(engine: Engine) -> list[Role]:
    """Every role: those that are always there first."""
    own = {body["name"]: Role.from_json(body) for body in engine.all("role")}
    builtin = [own.pop(each.name, each) for each in BUILTIN]
    return [*builtin, *own.values()]


def role(engine: Engine, name: str) -> Role | None:
    """The role of a name."""
    body = engine.get("role", "", name)
    if body is not None:
        return Role.from_json(body)
    return next((each for each in BUILTIN if each.name == name), None)


def closure(engine: Engine, ids: Iterable[int]) -> list[Role]:
    """The roles of these ids and all that were granted to them; ids of dropped roles count for nothing."""
    known = {each.id: each for each in roles(engine)}
    found: dict[int, Role] = {}
    waiting = list(ids)
    while waiting:
        number = waiting.pop()
        if number in known and number not in found:
            found[number] = known[number]
            waiting += known[number].parents
    return list(found.values())


def names(engine: Engine, ids: Iterable[int]) -> list[str]:
    """The names of the roles of these ids, in their order."""
    known = {each.id: each.name for each in roles(engine)}
    return [known[number] for number in ids if number in known]


# -- keeping -------------------------------------------------------------------------------------------------------


def save(unit: Unit, item: User | Role) -> None:
    """Put a user or a role."""
    body = {**asdict(item), "grants": [each.to_json() for each in item.grants]}
    unit.put("user" if isinstance(item, User) else "role", "", _key(item), body)


def drop(unit: Unit, item: User | Role) -> None:
    """Take a user or a role away; sessions of that user have no privilege any more."""
    unit.delete("user" if isinstance(item, User) else "role", "", _key(item))


def _key(item: User | Role) -> str:
    return item.identity if isinstance(item, User) else item.name


def set_root_password(engine: Engine, password: str) -> None:
    """What the server was started with wins over what root has set: the way back in when it was lost."""
    if not password:
        return
    cursor = engine.cursor()
    with engine.write(cursor) as unit:
        save(unit, replace(user(engine, ROOT.identity) or ROOT, password=passwords.hashed(password)))
    cursor.close()
