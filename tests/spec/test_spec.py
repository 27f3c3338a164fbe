"""Runs the cases of `*.spec` on the embedded server, or on the server that STARROCKS_TEST_URL names.

A case states one behaviour of StarRocks as SQL with its result, and where that is known from:

    === a subset of columns updates only these
    source: test/sql/test_partial_update/R/...        (a path in StarRocks' repository, or: no source found)
    > create table t (k int not null, v int, w int) primary key (k) distributed by hash (k)
      properties ("replication_num" = "1")
    > insert into t (k, v) values (1, 7)
    ok 1
    > select * from t
    1 | 7 | NULL
    > select nothing from t
    error 1064 cannot be resolved

`> ` begins a statement, two blanks go on with it. What follows is expected: rows as the text protocol gives them, cells
between ` | `, `NULL` for NULL, `\\n` for a new line, `(no rows)` for an empty set; `ok` or `ok N` (affected rows);
`info TEXT` a part of the OK packet's text; `error CODE TEXT` a number and a part of the message. Nothing = it must not
fail.

A step can be an HTTP call to the FE: `PUT t` (a Stream Load into the table), `PUT|POST|GET /api/...` any other; its
headers (`name: value`) and its body (lines after `| `, `\\x01` for a byte) follow, then what is expected of the JSON
object: `Field = text` or `Field ~ part`:

    PUT t
    column_separator: ,
    | 1,a
    Status = Success
    NumberLoadedRows = 1

`as ${db}_u [PASSWORD]` logs in as that user, without a current database: the steps that follow are its own, HTTP calls
too, until `as root`. `error CODE TEXT` may follow. Users and roles named `${db}...` are dropped at the end.

Each case has a new current database `${db}`. Lines that begin with `#` are remarks. `embedded only`: not
run on a real server.
`${backups}` is a location for repositories; on a real server STARROCKS_TEST_BACKUPS names it, else such cases skip.
STARROCKS_TEST_URL is `mysql://user:password@host:port`; HTTP is at STARROCKS_TEST_HTTP_PORT of that host (8030).
"""

import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pymysql
import pytest

from emulator.server import Server
from tests.spec.http_steps import Call, Target, call_of
from tests.spec.http_steps import run as run_call
from tests.spec.people_steps import Login, drop_people, login_of

HERE = Path(__file__).parent
NAMES = "${db}"
REAL = os.environ.get("STARROCKS_TEST_URL")
# where repositories are made: a folder of this run, or what the real server can reach
BACKUPS = os.environ.get("STARROCKS_TEST_BACKUPS", "") if REAL else Path(tempfile.mkdtemp(prefix="backups-")).as_uri()


@dataclass
class Step:
    """A statement, an HTTP call or a login, and the lines that are expected of it."""

    sql: str
    expected: list[str] = field(default_factory=list)
    call: Call | None = None
    login: Login | None = None


@dataclass
class Case:
    """One behaviour."""

    file: str
    title: str
    source: str = ""
    embedded_only: bool = False
    steps: list[Step] = field(default_factory=list)


def read(path: Path) -> list[Case]:
    """The cases of a file. Raises ValueError naming file and line for what is not in the format."""
    cases: list[Case] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("=== "):
            cases.append(Case(path.stem, line[4:].strip()))
        elif not cases:
            raise ValueError(f"{path.name}:{number}: a case begins with '=== title', found {line!r}")
        elif line.startswith("source: "):
            cases[-1].source = line[8:].strip()
        elif line == "embedded only":
            cases[-1].embedded_only = True
        elif line.startswith("> "):
            cases[-1].steps.append(Step(line[2:]))
        elif (login := login_of(line)) is not None:
            cases[-1].steps.append(Step(line, login=login))
        elif (call := call_of(line)) is not None:
            cases[-1].steps.append(Step(line, call=call))
        elif not cases[-1].steps:
            raise ValueError(f"{path.name}:{number}: a result without a statement: {line!r}")
        elif (begun := cases[-1].steps[-1]).call is not None:
            if not begun.call.take(line):
                begun.expected.append(line)
        elif line.startswith("  "):
            cases[-1].steps[-1].sql += "\n" + line[2:]
        else:
            cases[-1].steps[-1].expected.append(line)
    return cases


CASES = [case for path in sorted(HERE.glob("*.spec")) for case in read(path)]


@dataclass(frozen=True)
class Place:
    """Where the cases run: a connection whose values stay the texts of the wire, and the HTTP port."""

    connection: pymysql.Connection
    http: Target


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    if REAL:
        url = urlsplit(REAL)
        host, user, password = url.hostname or "127.0.0.1", unquote(url.username or "root"), unquote(url.password or "")
        http = f"http://{host}:{os.environ.get('STARROCKS_TEST_HTTP_PORT', '8030')}"
        yield Place(_connect(host, url.port or 9030, user, password), Target(http, (user, password)))
        return
    with Server(async_delay_ms=0) as server:
        connection = _connect("127.0.0.1", server.mysql_port, "root", "")
        yield Place(connection, Target(f"http://127.0.0.1:{server.http_port}", ("root", "")))


def _connect(host: str, port: int, user: str, password: str) -> pymysql.Connection:
    return pymysql.connect(
        host=host, port=port, user=user, password=password, autocommit=True, conv={}, charset="utf8mb4"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.title}")
def test_behaviour(case: Case, place: Place) -> None:
    if REAL and case.embedded_only:
        pytest.skip("a case about the embedded server itself")
    if not BACKUPS and any("${backups}" in step.sql for step in case.steps):
        pytest.skip("STARROCKS_TEST_BACKUPS names no location for repositories")
    assert case.source, f"{case.file}: {case.title}: a case names its source, or says 'no source found'"
    database = f"spec_{uuid.uuid4().hex[:12]}"
    with place.connection.cursor() as cursor:
        cursor.execute(f"create database {database}")
        cursor.execute(f"use {database}")
        try:
            here = place
            for step in case.steps:
                if step.login is not None:
                    here, told = _logged_in(place, step, database)
                    assert told == expected_with(step.expected, database), step.sql
                    continue
                assert _run(here, step, database) == [line.replace("${db}", database) for line in step.expected], (
                    step.sql
                )
        finally:
            cursor.execute("rollback")
            if any(step.login is not None or f"{NAMES}_" in step.sql for step in case.steps):
                drop_people(place.connection, database)
            cursor.execute(f"drop database {database} force")


def _logged_in(root: Place, step: Step, database: str) -> tuple[Place, list[str]]:
    """The place of the steps that follow a login, and what happened in the words of what was expected."""
    assert step.login is not None
    user = step.login.user.replace(NAMES, database)
    if user == "root":
        return root, []
    http = Target(root.http.url, (user, step.login.password))
    try:
        connection = _connect(root.connection.host, root.connection.port, user, step.login.password)
    except pymysql.Error as error:
        return root, _refused(step, error, database)
    return Place(connection, http), []


def _refused(step: Step, error: pymysql.Error, database: str) -> list[str]:
    """An error in the words of what was expected, when it is the expected one."""
    code, message = error.args
    wanted = step.expected[0].split(" ", 2) if step.expected else []
    if (
        wanted[:1] == ["error"]
        and int(wanted[1]) == code
        and (wanted[2:] == [] or _is_part(wanted[2], message, database))
    ):
        return expected_with(step.expected, database)
    return [f"error {code} {message}"]


def _run(place: Place, step: Step, database: str) -> list[str]:
    """What happened, in the words of what was expected (so that a difference is shown as lines)."""
    expected, connection = step.expected, place.connection
    if step.call is not None:
        wanted = expected_with(expected, database)
        return run_call(place.http, step.call, wanted, database)
    cursor = connection.cursor()
    try:
        count = cursor.execute(step.sql.replace("${db}", database).replace("${backups}", BACKUPS))
    except pymysql.Error as error:
        return _refused(step, error, database)
    if not expected:
        return []
    if cursor.description is not None:
        return [" | ".join("NULL" if cell is None else _text(cell) for cell in row) for row in cursor.fetchall()] or [
            "(no rows)"
        ]
    told = []
    for line in expected:
        if line.startswith("info "):
            text = (connection._result.message or b"").decode(errors="replace")
            told.append(line.replace("${db}", database) if _is_part(line[5:], text, database) else f"info {text}")
        else:
            told.append("ok" if line == "ok" else f"ok {count}")
    return told


def expected_with(lines: list[str], database: str) -> list[str]:
    return [line.replace("${db}", database) for line in lines]


def _is_part(wanted: str, text: str, database: str) -> bool:
    return re.sub(r"\s+", " ", wanted.replace("${db}", database)) in re.sub(r"\s+", " ", text)


def _text(cell: object) -> str:
    text = cell.decode() if isinstance(cell, bytes) else str(cell)
    return text.replace("\n", "\\n")
