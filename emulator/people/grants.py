"""What is granted on what, as a tuple of `Grant`; every change gives a new tuple.

A target is the ids of one object (`(database id, table id)`), with `"*"` for every one: a grant on ALL TABLES IN
DATABASE covers the tables that come later too. Source: `fe/.../authorization/PrivilegeCollectionV2.java`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from emulator.errors import failed
from emulator.people.privileges import EVERY, PRIVILEGES

Target = tuple[int | str, ...]


@dataclass(frozen=True)
class Grant:
    """Privileges on one target; `grantable`: WITH GRANT OPTION."""

    kind: str
    target: Target
    privileges: frozenset[str]
    grantable: bool = False

    def covers(self, kind: str, target: Target) -> bool:
        """True when the grant is on this object, or on every one like it."""
        return self.kind == kind and _within(target, self.target)

    def touches(self, kind: str, target: Target) -> bool:
        """True when some object is meant by both; `target` may hold `*`."""
        return self.kind == kind and (_within(target, self.target) or _within(self.target, target))

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "target": list(self.target),
            "privileges": sorted(self.privileges),
            "grantable": self.grantable,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        return cls(body["kind"], tuple(body["target"]), frozenset(body["privileges"]), body["grantable"])


Grants = tuple[Grant, ...]


def _within(target: Target, wider: Target) -> bool:
    return len(target) == len(wider) and all(part in (EVERY, own) for own, part in zip(target, wider, strict=True))


def granted(grants: Grants, kind: str, privileges: frozenset[str], target: Target, grantable: bool) -> Grants:
    """The grants with some more. With the option it replaces what was granted without; never the other way round."""
    if grantable:
        grants = _without(grants, kind, privileges, target, {False})
    else:
        held = next((g for g in grants if (g.kind, g.target, g.grantable) == (kind, target, True)), None)
        privileges = privileges - held.privileges if held is not None else privileges
    if not privileges:
        return grants
    for at, grant in enumerate(grants):
        if (grant.kind, grant.target, grant.grantable) == (kind, target, grantable):
            more = replace(grant, privileges=grant.privileges | privileges)
            return _sorted((*grants[:at], more, *grants[at + 1 :]))
    return _sorted((*grants, Grant(kind, target, privileges, grantable)))


def revoked(grants: Grants, kind: str, privileges: frozenset[str], target: Target, shown: str) -> Grants:
    """The grants without some. Raises StarRocks' refusal when nothing is granted on exactly this target."""
    if any(grant.kind == kind for grant in grants) and not any(
        (grant.kind, grant.target) == (kind, target) for grant in grants
    ):
        raise failed(f"There is no such grant defined on {shown}")
    return _without(grants, kind, privileges, target, {True, False})


def _without(grants: Grants, kind: str, privileges: frozenset[str], target: Target, options: set[bool]) -> Grants:
    left = []
    for grant in grants:
        if (grant.kind, grant.target) == (kind, target) and grant.grantable in options:
            grant = replace(grant, privileges=grant.privileges - privileges)
        if grant.privileges:
            left.append(grant)
    return tuple(left)


def _sorted(grants: Iterable[Grant]) -> Grants:
    """By kind; grants on every object first."""
    kinds = list(PRIVILEGES)
    return tuple(sorted(grants, key=lambda g: (kinds.index(g.kind), [(p != EVERY, str(p)) for p in g.target])))


def allows(grants: Iterable[Grant], kind: str, privilege: str, target: Target) -> bool:
    """True when one of the grants gives the privilege on this object."""
    return any(privilege in grant.privileges and grant.covers(kind, target) for grant in grants)


def touches(grants: Iterable[Grant], kind: str, target: Target) -> bool:
    """True when anything is granted on this object; with `*` in `target`: on any such object."""
    return any(grant.touches(kind, target) for grant in grants)


def may_grant(grants: Iterable[Grant], kind: str, privileges: frozenset[str], target: Target) -> bool:
    """True when the privileges are held on the target WITH GRANT OPTION."""
    return any(g.grantable and privileges <= g.privileges and g.covers(kind, target) for g in grants)
