"""CREATE, ALTER and DROP USER, SET PASSWORD, EXECUTE AS, SHOW USERS and AUTHENTICATION.

Source: `docs/en/sql-reference/sql-statements/account-management/`, `fe/.../sql/analyzer/AuthenticationAnalyzer.java`;
recorded: `test/sql/test_execute_as`.

Differs: mysql_native_password only; of the properties `max_user_connections` only; hosts are addresses, not names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed, unsupported
from emulator.people import accounts, naming, passwords
from emulator.people.accounts import User
from emulator.people.privileges import USER
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered

if TYPE_CHECKING:
    from emulator.session import Session

ROOT = accounts.ROOT.identity
_MAX_CONNECTIONS = "max_user_connections"


def _secret(reader: Reader) -> str | None:
    """`IDENTIFIED BY ['PASSWORD'] '..' | WITH plugin [BY '..' | AS 'hash']` as what is kept; None when not given."""
    if not reader.accept("IDENTIFIED"):
        return None
    if reader.accept("WITH"):
        plugin = reader.word_or_string()
        if plugin.lower() != passwords.PLUGIN.lower():
            raise unsupported(f"authentication by {plugin}")
        if reader.accept("AS"):
            return passwords.checked_hash(reader.string())
        return passwords.hashed(reader.string()) if reader.accept("BY") else ""
    reader.expect("BY")
    if reader.accept("PASSWORD"):
        return passwords.checked_hash(reader.string())
    return passwords.hashed(reader.string())


def _properties(reader: Reader) -> dict[str, str]:
    found = {name.lower(): value for name, value in reader.properties().items()}
    for name, value in found.items():
        if name != _MAX_CONNECTIONS:
            raise unsupported(f"user property {name}")
        if not value.isdigit() or not 1 <= int(value) <= 1024:
            raise failed(f"{_MAX_CONNECTIONS} is not valid, the value must be between 1 and 1024")
    return found


@statement("CREATE USER")
def create_user(session: Session, reader: Reader) -> Result:
    """CREATE USER [IF NOT EXISTS] u [IDENTIFIED ...] [DEFAULT ROLE r, ..] [PROPERTIES (..)]."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    named = naming.read_user(reader)
    secret = _secret(reader) or ""
    names = naming.read_roles(reader) if reader.accept("DEFAULT", "ROLE") else []
    properties = _properties(reader) if reader.accept("PROPERTIES") else {}
    reader.end()
    if accounts.user(session.engine, accounts.identity(*named)) is not None:
        if if_not_exists:
            return Ok()
        raise analysis(f"user {accounts.identity(*named)} already exists!")
    roles = tuple(naming.role(session.engine, name, "Valid role name fail").id for name in names)
    _save(session, User(*named, secret, roles, roles, (), properties))
    return Ok()


def _save(session: Session, user: User) -> None:
    with session.engine.write(session.cursor) as unit:
        accounts.save(unit, user)


def _need_root_for_root(session: Session, named: naming.Named) -> None:
    if accounts.identity(*named) == ROOT != session.identity:
        raise analysis("Can not modify root user, except root itself")


@statement("ALTER USER")
def alter_user(session: Session, reader: Reader) -> Result:
    """ALTER USER [IF EXISTS] u {IDENTIFIED ... | DEFAULT ROLE {NONE | ALL | r, ..} | SET PROPERTIES (..)}."""
    if_exists = reader.accept("IF", "EXISTS")
    named = naming.read_user(reader)
    _need_root_for_root(session, named)
    if if_exists and accounts.user(session.engine, accounts.identity(*named)) is None:
        return Ok()
    user = naming.user(session.engine, named)
    if reader.accept("DEFAULT", "ROLE"):
        _save(session, with_default_roles(session, user, reader))
    elif reader.accept("SET"):
        reader.expect("PROPERTIES")
        _save(session, replace(user, properties={**user.properties, **_properties(reader)}))
    else:
        secret = _secret(reader)
        if secret is None:
            reader.fail()
        _save(session, replace(user, password=secret))
    reader.end()
    return Ok()


def with_default_roles(session: Session, user: User, reader: Reader) -> User:
    """The user with the default roles `NONE | ALL | r, ...`. Raises 1064 for a role that is not granted to it."""
    if reader.accept("NONE"):
        return replace(user, default_roles=())
    if reader.accept("ALL"):
        return replace(user, default_roles=user.roles)
    wanted = [naming.role(session.engine, name, "Cannot set role") for name in naming.read_roles(reader)]
    for role in wanted:
        if role.id not in user.roles:
            raise analysis(f"Role {role.name} is not granted to {user.identity}")
    return replace(user, default_roles=tuple(role.id for role in wanted))


@statement("DROP USER")
def drop_user(session: Session, reader: Reader) -> Result:
    """DROP USER [IF EXISTS] u."""
    if_exists = reader.accept("IF", "EXISTS")
    named = naming.read_user(reader)
    reader.end()
    if if_exists and accounts.user(session.engine, accounts.identity(*named)) is None:
        return Ok()
    user = naming.user(session.engine, named)
    if user.identity == ROOT:
        raise analysis(f"Operation DROP USER failed for {ROOT} : cannot drop user {ROOT}")
    with session.engine.write(session.cursor) as unit:
        accounts.drop(unit, user)
    return Ok()


@statement("SET PASSWORD")
def set_password(session: Session, reader: Reader) -> Result:
    """SET PASSWORD [FOR u] = {PASSWORD('plain') | 'hash'}; another's needs GRANT on SYSTEM, root's only root."""
    identity = session.identity
    if reader.accept("FOR"):
        identity = accounts.identity(*naming.read_user(reader))
    reader.expect("=")
    if reader.accept("PASSWORD"):
        reader.expect("(")
        secret = passwords.hashed(reader.string())
        reader.expect(")")
    else:
        secret = passwords.checked_hash(reader.string())
    reader.end()
    user = accounts.user(session.engine, identity)
    if user is None:
        raise analysis(f"authentication info for user {identity} not found")
    if identity != session.identity:
        if identity == ROOT:
            raise analysis("Can not set password for root user, except root itself")
        session.access.need_system("GRANT")
    _save(session, replace(user, password=secret))
    return Ok()


@statement("EXECUTE AS")
def execute_as(session: Session, reader: Reader) -> Result:
    """EXECUTE AS u WITH NO REVERT: from now on the session is that user, with its default roles."""
    named = naming.read_user(reader)
    if not reader.accept("WITH", "NO", "REVERT"):
        reader.end()
        raise analysis("`EXECUTE AS` must use with `WITH NO REVERT` for now!")
    reader.end()
    user = naming.user(session.engine, named)
    if not session.access.allows(USER, "IMPERSONATE", (user.identity,)):
        raise session.access.denied("IMPERSONATE", USER, user.identity)
    session.access.become(user, session.variables.is_on("activate_all_roles_on_login"))
    return Ok()


@statement("SHOW USERS", "SHOW USER")
def show_users(session: Session, reader: Reader) -> Result:
    """SHOW USERS: everybody; SHOW USER: oneself."""
    everybody = reader.tokens[1].text.upper() == "USERS"
    names = [each.identity for each in accounts.users(session.engine)] if everybody else [session.identity]
    return filtered(session, reader, ["User"], [[name] for name in names])


@statement("SHOW ALL AUTHENTICATION", "SHOW AUTHENTICATION")
def show_authentication(session: Session, reader: Reader) -> Result:
    """Who has a password, never which; another's needs GRANT on SYSTEM."""
    if reader.tokens[1].text.upper() == "ALL":
        shown = accounts.users(session.engine)
    else:
        identity = session.identity
        if reader.accept("FOR"):
            identity = naming.user(session.engine, naming.read_user(reader)).identity
        if identity != session.identity:
            session.access.need_system("GRANT")
        shown = [each for each in accounts.users(session.engine) if each.identity == identity]
    reader.end()
    names = ["UserIdentity", "Password", "AuthPlugin", "UserForAuthPlugin"]
    return rows(names, [[u.identity, "Yes" if u.password else "No", passwords.PLUGIN, None] for u in shown])
