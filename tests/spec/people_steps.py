"""Steps of a case that run as another user: `as NAME [PASSWORD]` logs in anew, `as root` goes back."""

import re
from dataclasses import dataclass

import pymysql

_LOGIN = re.compile(r"as (root|\$\{db\}\w*)(?: (\S+))?")


@dataclass(frozen=True)
class Login:
    """Who the next steps run as. Names begin with `${db}`, so that cases do not meet."""

    user: str
    password: str = ""


def login_of(line: str) -> Login | None:
    """The login that a line asks for."""
    found = _LOGIN.fullmatch(line.strip())
    return Login(found[1], found[2] or "") if found else None


def drop_people(connection: pymysql.Connection, database: str) -> None:
    """Drop the users and roles of a case: those whose names begin with its database."""
    with connection.cursor() as cursor:
        cursor.execute("show users")
        for (identity,) in cursor.fetchall():
            if identity.startswith(f"'{database}"):
                cursor.execute(f"drop user if exists {identity}")
        cursor.execute("show roles")
        for name, *_ in cursor.fetchall():
            if name.startswith(database):
                cursor.execute(f"drop role if exists {name}")
