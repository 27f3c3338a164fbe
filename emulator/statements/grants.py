"""GRANT and REVOKE of privileges and of roles, SHOW GRANTS.

Source: `docs/en/sql-reference/sql-statements/account-management/`, `fe/.../sql/analyzer/AuthorizationAnalyzer.java`,
`fe/.../authorization/AuthorizationMgr.java`; recorded: `test/sql/test_rbac`, `test/sql/test_storage_volume/R/grant`.

Differs: there are no resources, resource groups, storage volumes, warehouses, pipes, functions and external groups to
grant on or to; roles may inherit from each other to any depth, where StarRocks stops at 16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed, unsupported
from emulator.people import accounts, grants, naming, objects, wording
from emulator.people.accounts import PUBLIC_ID, Role, User
from emulator.people.grants import Target
from emulator.people.privileges import (
    ABSENT,
    CATALOG,
    DATABASE,
    DEFAULT_CATALOG,
    EVERY,
    KNOWN,
    PARTS,
    PLURALS,
    PRIVILEGES,
    SYSTEM,
    TABLE,
    USER,
)
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement

if TYPE_CHECKING:
    from emulator.session import Session

Holder = User | Role
_NO_PUBLIC = "role PUBLIC has no effect.  Every user and role has role PUBLIC implicitly granted."


@dataclass(frozen=True)
class Wanted:
    """What a GRANT or REVOKE is about, as it was written: `names` have as many parts as were given."""

    privileges: tuple[str, ...]
    kind: str
    names: tuple[tuple[str, ...], ...]


@statement("GRANT", "REVOKE")
def grant_or_revoke(session: Session, reader: Reader) -> Result:
    """GRANT privileges ON objects TO .. [WITH GRANT OPTION], GRANT roles TO ..; REVOKE .. FROM .."""
    giving = reader.tokens[0].text.upper() == "GRANT"
    if not _about_privileges(reader, giving):
        return _roles(session, reader, giving)
    wanted = Wanted(_privileges(reader), *_objects(session, reader))
    holder = _holder(session, reader, giving, "Can not grant/revoke to role")
    option = giving and reader.accept("WITH", "GRANT", "OPTION")
    reader.end()
    targets = [_target(session, wanted.kind, name) for name in wanted.names]
    privileges = _available(wanted)
    if not session.access.allows(SYSTEM, "GRANT") and not all(
        grants.may_grant(session.access.held(), wanted.kind, privileges, target) for target in targets
    ):
        raise session.access.denied("GRANT", SYSTEM)
    _need_mutable(holder, "failed to grant: " if giving else "")
    held = holder.grants
    for target in targets:
        if giving:
            held = grants.granted(held, wanted.kind, privileges, target, option)
        else:
            shown = wording.target_text(session.engine, wanted.kind, target) or wanted.kind
            held = grants.revoked(held, wanted.kind, privileges, target, shown)
    _save(session, replace(holder, grants=held))
    return Ok()


def _about_privileges(reader: Reader, giving: bool) -> bool:
    """True when ON comes before TO or FROM: without, roles are granted."""
    for token in reader.tokens[reader.at :]:
        word = token.text.upper()
        if word in ("ON", "TO" if giving else "FROM"):
            return word == "ON"
    return False


def _need_mutable(holder: Holder, prefix: str) -> None:
    if isinstance(holder, Role) and holder.builtin and holder.id != PUBLIC_ID:
        raise failed(f"{prefix}role {holder.name} is not mutable!")


def _save(session: Session, holder: Holder) -> None:
    with session.engine.write(session.cursor) as unit:
        accounts.save(unit, holder)


# -- reading -------------------------------------------------------------------------------------------------------


def _privileges(reader: Reader) -> tuple[str, ...]:
    """`SELECT, CREATE TABLE, ALL PRIVILEGES ON`."""
    found = []
    while True:
        words = []
        while not (reader.next_is(",") or reader.next_is("ON")):
            words.append(reader.take().text.upper())
        found.append(" ".join(words))
        if not reader.accept(","):
            break
    reader.expect("ON")
    return tuple(found)


def _objects(session: Session, reader: Reader) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """The kind and the names behind ON. Raises 1235 for kinds of objects that the embedded server has not."""
    if reader.accept("SYSTEM"):
        return SYSTEM, ((),)
    every = reader.accept("ALL")
    kind = _kind(reader, every)
    if every:
        return kind, (_every(reader, kind),)
    if kind == USER:
        listed = [_user(session, reader)]
        while reader.accept(","):
            listed.append(_user(session, reader))
        return kind, tuple(listed)
    listed = [_name(reader)]
    while reader.accept(","):
        listed.append(_name(reader))
    return kind, tuple(listed)


def _user(session: Session, reader: Reader) -> tuple[str, ...]:
    return (naming.user(session.engine, naming.read_user(reader)).identity,)


def _kind(reader: Reader, every: bool) -> str:
    first, second = (reader.peek(ahead) for ahead in (0, 1))
    words = [token.text.upper() if token is not None else "" for token in (first, second)]
    for count in (2, 1):
        word = " ".join(words[:count])
        if word in ABSENT and not reader.next_is(word, "."):
            raise unsupported(f"GRANT and REVOKE on {word}")
        kind = PLURALS.get(word) if every else (word if word in PRIVILEGES else None)
        following = reader.peek(count)
        if kind is not None and (every or (following is not None and following.text not in (".", ",", "TO", "to"))):
            reader.expect(*words[:count])
            return kind
    if every:
        reader.fail()
    return TABLE


def _every(reader: Reader, kind: str) -> tuple[str, ...]:
    """`[IN ALL DATABASES | IN DATABASE db]` behind ALL TABLES."""
    if reader.accept("IN", "ALL", "DATABASES"):
        return (EVERY, EVERY)
    if reader.accept("IN", "DATABASE"):
        return (reader.word_or_string(), EVERY)
    if PARTS[kind] != 1:
        raise analysis("Invalid grant statement with error privilege object [*]")
    return (EVERY,)


def _name(reader: Reader) -> tuple[str, ...]:
    parts = [reader.word_or_string()]
    while reader.accept("."):
        parts.append(reader.word_or_string())
    return tuple(parts)


def _holder(session: Session, reader: Reader, giving: bool, doing: str) -> Holder:
    reader.expect("TO" if giving else "FROM")
    if reader.accept("EXTERNAL", "GROUP"):
        raise unsupported("GRANT and REVOKE for an EXTERNAL GROUP")
    if reader.accept("ROLE"):
        return naming.role(session.engine, reader.word_or_string(), doing)
    reader.accept("USER")
    return naming.user(session.engine, naming.read_user(reader))


# -- meaning -------------------------------------------------------------------------------------------------------


def _available(wanted: Wanted) -> frozenset[str]:
    """The privileges, ALL spelt out. Raises 1064 for one that this kind of object has not."""
    found: set[str] = set()
    for privilege in wanted.privileges:
        if privilege in ("ALL", "ALL PRIVILEGES"):
            found |= set(PRIVILEGES[wanted.kind])
        elif privilege not in KNOWN and privilege != "CREATE CNGROUP":
            raise analysis(f"cannot find privilege type {privilege}")
        elif privilege not in PRIVILEGES[wanted.kind]:
            raise analysis(f"Cannot grant or revoke {privilege} on '{wanted.kind}' type object")
        else:
            found.add(privilege)
    return frozenset(found)


def _target(session: Session, kind: str, name: tuple[str, ...]) -> Target:
    """The ids that a name stands for. Raises 1064 for what there is not."""
    if kind in (SYSTEM, USER) or (len(name) == 1 and name[0] == EVERY and PARTS[kind] == 1):
        return name
    if kind == CATALOG:
        if name != (DEFAULT_CATALOG,):
            raise analysis(f"cannot find catalog: {'.'.join(name)}")
        return name
    if kind == DATABASE:
        return (_database(session, name[-1]),)
    if len(name) > 2:
        name = name[-2:]
    db, table = name if len(name) == 2 else (session.db_of(""), name[0])
    if db == EVERY:
        return (EVERY, EVERY)
    number = _database(session, db)
    if table == EVERY:
        return (number, EVERY)
    target = objects.table(session.engine, db, table)
    if target is None or objects.kind_of(session.engine, db, table) != kind:
        raise analysis(f"cannot find {kind.lower()} {table} in db {db}")
    return target


def _database(session: Session, name: str) -> int | str:
    number = objects.database(session.engine, name)
    if number is None:
        raise analysis(f"cannot find db: {name}")
    return number


# -- roles ---------------------------------------------------------------------------------------------------------


def _roles(session: Session, reader: Reader, giving: bool) -> Ok:
    names = naming.read_roles(reader)
    holder = _holder(session, reader, giving, "Can not granted/revoke role to/from role")
    reader.end()
    session.access.need_system("GRANT")
    doing = "Can not granted/revoke role to/from user"
    found = [naming.role(session.engine, name, doing) for name in names]
    prefix = "failed to grant role: " if giving else "failed to revoke role: "
    if any(role.id == PUBLIC_ID for role in found):
        raise failed(f"{prefix}{'Granting' if giving else 'Revoking'} {_NO_PUBLIC}")
    _need_mutable(holder, prefix)
    ids = [role.id for role in found]
    if isinstance(holder, User):
        kept = _changed(holder.roles, ids, giving)
        default = tuple(number for number in holder.default_roles if number in kept)
        _save(session, replace(holder, roles=kept, default_roles=default))
        return Ok()
    for role in found if giving else []:
        if any(each.id == holder.id for each in accounts.closure(session.engine, [role.id])):
            text = f"role {holder.name}[{holder.id}] is already a predecessor role of {role.name}[{role.id}]"
            raise failed(prefix + text)
    _save(session, replace(holder, parents=_changed(holder.parents, ids, giving)))
    return Ok()


def _changed(held: tuple[int, ...], ids: list[int], giving: bool) -> tuple[int, ...]:
    left = [number for number in held if number not in ids]
    return tuple(dict.fromkeys([*held, *ids])) if giving else tuple(left)


@statement("SHOW GRANTS")
def show_grants(session: Session, reader: Reader) -> Result:
    """SHOW GRANTS [FOR [USER] u | FOR CURRENT_USER | FOR ROLE r]; another's needs GRANT on SYSTEM."""
    engine, access = session.engine, session.access
    holder: Holder | None = None
    if reader.accept("FOR"):
        if reader.accept("EXTERNAL", "GROUP"):
            raise unsupported("SHOW GRANTS FOR EXTERNAL GROUP")
        if reader.accept("ROLE"):
            name = reader.word_or_string()
            holder = naming.role(engine, name, f"There is no such grant defined for role {name}")
            user = access.user
            if user is None or holder.id not in {each.id for each in accounts.closure(engine, user.roles)}:
                access.need_system("GRANT")
        elif reader.accept("CURRENT_USER"):
            if reader.accept("("):
                reader.expect(")")
        else:
            reader.accept("USER")
            holder = naming.user(engine, naming.read_user(reader))
            if holder.identity != session.identity:
                access.need_system("GRANT")
    reader.end()
    holder = holder or access.user
    listed = wording.rows(engine, holder) if holder is not None else []
    return rows(["UserIdentity", "Catalog", "Grants"], listed)
