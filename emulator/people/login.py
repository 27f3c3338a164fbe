"""Which user a client is: the best match of name and address, then the password.

Source: `fe/fe-core/src/main/java/com/starrocks/authentication/AuthenticationMgr.java`: an address comes before `'%'`;
when the best match's password is wrong, no other user of that name is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import StarRocksError
from emulator.people import accounts, passwords
from emulator.people.accounts import ANY_HOST, User

if TYPE_CHECKING:
    from emulator.storage.engine import Engine


def find(engine: Engine, name: str, host: str) -> User | None:
    """The user that a client of this name at this address is."""
    found = [each for each in accounts.users(engine) if each.name == name and _matches(each.host, host)]
    return min(found, key=lambda each: (each.host == ANY_HOST, each.host), default=None)


def by_answer(engine: Engine, name: str, host: str, answer: bytes, seed: bytes) -> User:
    """Log in on the MySQL port. Raises 1045."""
    user = find(engine, name, host)
    if user is None or not passwords.is_answer(user.password, answer, seed):
        raise denied(name, bool(answer))
    return user


def by_password(engine: Engine, name: str, host: str, password: str) -> User:
    """Log in by HTTP Basic. Raises 1045."""
    user = find(engine, name, host)
    if user is None or not passwords.is_password(user.password, password):
        raise denied(name, bool(password))
    return user


def need_connection(user: User, connected: list[str]) -> None:
    """Raise 1203 when the user has as many connections as it may (`max_user_connections`, 1024)."""
    most = int(user.properties.get("max_user_connections", "1024"))
    if connected.count(user.name) >= most:
        who = f"qualifiedUser: {user.name}, currUserIdentity: {user.identity}"
        text = f"Reach user-level({who}) connection limit, max_user_connections={most}"
        raise StarRocksError(1203, text, "42000")


def denied(name: str, with_password: bool) -> StarRocksError:
    """The refusal of a login, the same for a wrong name and a wrong password."""
    using = "YES" if with_password else "NO"
    return StarRocksError(1045, f"Access denied for user '{name}' (using password: {using})", "28000")


def _matches(pattern: str, host: str) -> bool:
    """`%` stands for any letters, `_` for one, as in LIKE; the case of letters does not count."""
    if not pattern:
        return not host
    if pattern[0] == "%":
        return any(_matches(pattern[1:], host[at:]) for at in range(len(host) + 1))
    return bool(host) and pattern[0].lower() in ("_", host[0].lower()) and _matches(pattern[1:], host[1:])
