"""What a session may do: its user, the roles that are active, and StarRocks' refusal (error 5203).

Everything is asked for as it is at that moment: a REVOKE or DROP USER counts at once for those who are logged in.
Sources: `fe/.../authorization/AuthorizationMgr.java` (`loadPrivilegeCollection`), `AccessDeniedException.java`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.errors import StarRocksError
from emulator.people import accounts, grants, objects
from emulator.people.accounts import User
from emulator.people.privileges import DATABASE, MATERIALIZED_VIEW, SYSTEM, TABLE, VIEW

if TYPE_CHECKING:
    from emulator.storage.engine import Engine

_HINT = (
    "Please ask the admin to grant permission(s) or try activating existing roles using <set [default] role>. "
    "Current role(s): {}. Inactivated role(s): {}."
)


@dataclass(frozen=True)
class _Rights:
    """What a user with these roles active has: names of the active roles and of all below them, the grants of all."""

    active: list[str]
    in_session: list[str]
    grants: grants.Grants
    is_root: bool


def _rights(engine: Engine, user: User | None, active: frozenset[int]) -> _Rights:
    if user is None:
        return _Rights([], [], (), False)
    ids = [number for number in user.roles if number in active]
    below = accounts.closure(engine, ids)
    every = accounts.closure(engine, [*ids, accounts.PUBLIC_ID])
    held = [*user.grants, *(grant for role in every for grant in role.grants)]
    return _Rights(
        accounts.names(engine, ids),
        [role.name for role in below],
        tuple(held),
        accounts.ROOT_ID in {r.id for r in below},
    )


class Access:
    """The rights of one session. `identity` is current_user(), `login` the name that was given at login."""

    def __init__(self, engine: Engine, user: User, all_roles: bool = False) -> None:
        self._engine = engine
        self.login = user.name
        self.identity = user.identity
        self.active: frozenset[int] = frozenset()
        self._known: tuple[object, _Rights] | None = None
        self.become(user, all_roles)

    def become(self, user: User, all_roles: bool = False) -> None:
        """Be this user from now on, with its default roles, or all (`activate_all_roles_on_login`)."""
        self.identity = user.identity
        self.active = frozenset(user.roles if all_roles else user.default_roles)

    @property
    def user(self) -> User | None:
        """The user as it is now; None when it was dropped."""
        return accounts.user(self._engine, self.identity)

    @property
    def name(self) -> str:
        """The name of the current user."""
        return self.identity[1:].partition("'@'")[0]

    @property
    def key(self) -> tuple[str, frozenset[int]]:
        """Who asks: what is remembered for one key must not be given to another."""
        return self.identity, self.active

    def _now(self) -> _Rights:
        """The rights as they are now: looked up anew whenever a user, a role or a table has changed."""
        key = (self._engine.version, self.key)
        if self._known is None or self._known[0] != key:
            self._known = (key, _rights(self._engine, self.user, self.active))
        return self._known[1]

    @property
    def is_root(self) -> bool:
        """True when the role root is active, which has every privilege."""
        return self._now().is_root

    def role_names(self) -> list[str]:
        """The roles that are active, as current_role() lists them."""
        return self._now().active

    def roles_in_session(self) -> list[str]:
        """The active roles and all that were granted to them."""
        return self._now().in_session

    def held(self) -> grants.Grants:
        """Everything that is granted to the user, to its active roles and to everybody (role public)."""
        return self._now().grants

    def allows(self, kind: str, privilege: str, target: grants.Target = ()) -> bool:
        """True when the privilege is held on the object."""
        return grants.allows(self.held(), kind, privilege, target)

    def touches(self, kind: str, target: grants.Target) -> bool:
        """True when any privilege is held on the object (with `*`: on any such object)."""
        return grants.touches(self.held(), kind, target)

    # -- by name; what does not exist is not refused here: whoever looks it up says so ----------------------------

    def allows_on(self, privilege: str, db: str, name: str, kind: str = "") -> bool:
        """True when the privilege is held on a table, view or materialized view; also when there is none.

        For an object of another kind than is asked for, root goes on to be told so.
        """
        target = objects.table(self._engine, db, name)
        actual = objects.kind_of(self._engine, db, name)
        other = bool(kind) and kind != actual
        return target is None or (other and self.is_root) or self.allows(actual, privilege, target)

    def sees(self, db: str, name: str) -> bool:
        """True when any privilege is held on a table, view or materialized view."""
        target = objects.table(self._engine, db, name)
        return target is not None and self.touches(objects.kind_of(self._engine, db, name), target)

    def hides(self, db: str, name: str) -> bool:
        """True when nothing is held on a table, view or materialized view that is there."""
        return objects.table(self._engine, db, name) is not None and not self.sees(db, name)

    def sees_database(self, db: str) -> bool:
        """True when any privilege is held on the database or on something in it."""
        number = objects.database(self._engine, db)
        if number is None:
            return False
        return self.touches(DATABASE, (number,)) or any(
            self.touches(kind, (number, "*")) for kind in (TABLE, VIEW, MATERIALIZED_VIEW)
        )

    def need(self, privilege: str, db: str, name: str, kind: str = "") -> None:
        """Raise 5203 unless the privilege is held on the table, view or materialized view."""
        if not self.allows_on(privilege, db, name, kind):
            raise self.denied(privilege, kind or objects.kind_of(self._engine, db, name), name)

    def need_any(self, db: str, name: str) -> None:
        """Raise 5203, which tells of a TABLE, unless something is held on the table, view or materialized view."""
        if self.hides(db, name):
            raise self.denied("ANY", TABLE, name)

    def need_on_database(self, privilege: str, db: str) -> None:
        """Raise 5203 unless the privilege is held on the database."""
        number = objects.database(self._engine, db)
        if number is not None and not self.allows(DATABASE, privilege, (number,)):
            raise self.denied(privilege, DATABASE, db)

    def need_system(self, *privileges: str) -> None:
        """Raise 5203, naming the last, unless one of these privileges on SYSTEM is held."""
        if not any(self.allows(SYSTEM, privilege) for privilege in privileges):
            raise self.denied(privileges[-1], SYSTEM)

    def hint(self, none: str = "NONE") -> str:
        """The end of every refusal: which roles are active, which could be; `none` stands for no role."""
        active = self.role_names()
        user = self.user
        held = accounts.names(self._engine, user.roles) if user is not None else []
        return _HINT.format(_listed(active, none), _listed([name for name in held if name not in active], none))

    def denied(self, privilege: str, kind: str, name: str = "") -> StarRocksError:
        """Number 5203."""
        on = f"{kind} {name}".rstrip()
        text = f"Access denied; you need (at least one of) the {privilege} privilege(s) on {on} for this operation. "
        return StarRocksError(5203, text + self.hint(), "42000")


def _listed(names: list[str], none: str) -> str:
    return f"[{', '.join(names)}]" if names else none
