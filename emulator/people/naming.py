"""Names as statements give them: `'u'@'host'`, `u`, lists of roles; found or refused as StarRocks does.

Source: `fe/.../sql/analyzer/AuthenticationAnalyzer.java`, `AuthorizationAnalyzer.java`, `FeNameFormat.java`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.errors import analysis, unsupported
from emulator.people import accounts
from emulator.people.accounts import ANY_HOST, Role, User
from emulator.sql.reader import Reader

if TYPE_CHECKING:
    from emulator.storage.engine import Engine

_USER_NAME = re.compile(r"\w{1,64}/?[.\w-]{0,63}", re.ASCII)
_COMMON_NAME = re.compile(r"[a-zA-Z]\w{0,63}|_[a-zA-Z0-9]\w{0,62}", re.ASCII)
Named = tuple[str, str]


def read_user(reader: Reader) -> Named:
    """Name and host pattern, `%` when none is given. Raises 1064."""
    name = reader.word_or_string()
    host = ANY_HOST
    if reader.accept("@"):
        if reader.next_is("["):
            raise unsupported("a user whose host is the name of a domain")
        host = reader.word_or_string()
    if not _USER_NAME.fullmatch(name):
        raise analysis(f"invalid user name: {name}")
    return name, host


def read_roles(reader: Reader) -> list[str]:
    """`a, 'b', ...`. Raises 1064."""
    names = [reader.word_or_string()]
    while reader.accept(","):
        names.append(reader.word_or_string())
    for name in names:
        if not _COMMON_NAME.fullmatch(name):
            raise analysis(f"invalid role format: {name}")
    return names


def check_common_name(kind: str, name: str) -> None:
    """What a role, a repository and the like may be called. Raises 5063."""
    if not _COMMON_NAME.fullmatch(name):
        raise analysis(f"Incorrect {kind} name '{name}'", 5063)


def user(engine: Engine, named: Named) -> User:
    """The user. Raises 1064 when there is none."""
    found = accounts.user(engine, accounts.identity(*named))
    if found is None:
        raise analysis(f"cannot find user {accounts.identity(*named)}!")
    return found


def role(engine: Engine, name: str, doing: str) -> Role:
    """The role. Raises 1064 when there is none; `doing` begins the message."""
    found = accounts.role(engine, name)
    if found is None:
        raise analysis(f"{doing}: cannot find role {name}!")
    return found
