"""What a client's programme states about the server, one function a statement. Imported inside the client's venv.

    @check
    def upsert_replaces_a_row() -> None:
        \"\"\"(the function's name is what the table shows)\"\"\"
        assert rows("select v from c.t") == [(1,)]

    if __name__ == "__main__":
        run()

Results go to stdout as TAP lines. `rows` asks the server over a connection of its own: not what the client says that it
did counts, but what is there.
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql

HOST = "127.0.0.1"
PORT = int(os.environ["CLIENT_MYSQL_PORT"])
HTTP_PORT = int(os.environ["CLIENT_HTTP_PORT"])
SCRATCH = Path(os.environ["CLIENT_SCRATCH"])
REFUSAL = "is not supported by the embedded StarRocks server"
_CHECKS: list[Callable[[], None]] = []


class Refused(Exception):
    """The server refused by name what a check needs: known, told, counted apart."""


def check(function: Callable[[], None]) -> Callable[[], None]:
    """Declare a check; they run in the order of the file."""
    _CHECKS.append(function)
    return function


def connect(**options: Any) -> pymysql.Connection:
    """A plain connection as root."""
    return pymysql.connect(host=HOST, port=PORT, user="root", password="", autocommit=True, **options)


def rows(sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query, as the server's own values."""
    connection = connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
    finally:
        connection.close()


def result(name: str, fault: str | None, refused: str = "") -> None:
    """Print one TAP line: passed, refused by name, or failed with the first line of why."""
    if refused:
        print(f"ok - {name} # SKIP {_line(refused)}", flush=True)
    elif fault is None:
        print(f"ok - {name}", flush=True)
    else:
        print(f"not ok - {name} # {_line(fault)}", flush=True)


def _line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:300]


def run() -> None:
    """Run every check; a failed one does not stop the others."""
    for each in _CHECKS:
        name = each.__name__.replace("_", " ")
        try:
            each()
        except Refused as refused:
            result(name, None, str(refused))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            place = traceback.extract_tb(error.__traceback__)[1]
            result(name, f"line {place.lineno}: {str(error) or place.line} ({type(error).__name__})")
        else:
            result(name, None)
