"""Users and roles beyond what a spec case can say: restarts, files, HTTP, what is remembered, new handlers."""

import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
import requests
from pymysql.constants import COMMAND

from emulator.people.rules import RULES
from emulator.results import Result, rows
from emulator.server import Server
from emulator.session import Session
from emulator.sql.reader import Reader
from emulator.statements import registry

TABLE = "(k int not null, v int) primary key (k) distributed by hash (k) properties ('replication_num' = '1')"
Run = Callable[..., tuple]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(async_delay_ms=0) as running:
        for statement in ("create database d", f"create table d.t {TABLE}", f"create table d.secret {TABLE}"):
            run(running, statement)
        run(running, "insert into d.secret values (1, 4711)")
        yield running


def connect(server: Server, user: str = "root", password: str = "", **options: object) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1", port=server.mysql_port, user=user, password=password, autocommit=True, **options
    )


def run(server: Server, *statements: str, user: str = "root", password: str = "") -> tuple:
    """The rows of the last statement, on one connection of a user."""
    with closing(connect(server, user, password)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def refusal(server: Server, *statements: str, user: str) -> tuple[int, str]:
    """Number and text of the error that the statements end with."""
    with pytest.raises(pymysql.Error) as refused:
        run(server, *statements, user=user)
    return refused.value.args


def test_people_survive_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path, async_delay_ms=0) as server:
        run(server, "create database d", f"create table d.t {TABLE}", "create role readers")
        run(server, "create user anna identified by 'sesame' default role readers", "grant readers to role public")
        run(server, "grant select on table d.t to role readers", "set password = password('new')")
    with Server(tmp_path, async_delay_ms=0) as server:
        assert run(server, "select * from d.t", user="anna", password="sesame") == ()
        shown = run(server, "show grants for role readers", password="new")
        assert shown == (("readers", "default_catalog", "GRANT SELECT ON TABLE d.t TO ROLE 'readers'"),)
        with pytest.raises(pymysql.Error, match="Access denied for user 'root'"):
            connect(server)


def test_the_password_that_the_server_is_started_with_wins(tmp_path: Path) -> None:
    with Server(tmp_path, async_delay_ms=0) as server:
        run(server, "set password = password('forgotten')")
    with Server(tmp_path, async_delay_ms=0, root_password="way back in") as server:
        assert run(server, "select 1", password="way back in") == ((1,),)


def test_no_file_holds_a_password(tmp_path: Path) -> None:
    with Server(tmp_path, async_delay_ms=0) as server:
        run(server, "create user anna identified by 'opensesame42'")
        run(server, "alter user anna identified by 'opensesame43'", "set password = password('opensesame44')")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"opensesame4" in path.read_bytes()]


def test_a_statement_with_a_password_is_listed_without_it(server: Server) -> None:
    seen = []

    def watch(text: str) -> None:
        seen.append(text)

    before = server.faults.before_statement
    server.faults.before_statement = watch  # type: ignore[method-assign]
    try:
        run(server, "create user bert identified by 'opensesame'", "set password for bert = password('opensesame')")
    finally:
        server.faults.before_statement = before  # type: ignore[method-assign]
    assert "create user bert identified by '***'" in seen
    assert not any("opensesame" in text for text in seen)


def test_what_one_user_asked_is_not_remembered_for_another(server: Server) -> None:
    run(server, "create user other")
    assert run(server, "select v from d.secret", "select v from d.secret") == ((4711,),)
    assert refusal(server, "select v from d.secret", user="other")[0] == 5203
    run(server, "grant select on table d.secret to other")
    assert run(server, "select v from d.secret", user="other") == ((4711,),)
    run(server, "revoke select on table d.secret from other")
    assert refusal(server, "select v from d.secret", user="other")[0] == 5203


def test_who_is_somebody_else_now_gets_nothing_that_was_remembered(server: Server) -> None:
    run(server, "create user somebody")
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("select v from d.secret")
        cursor.execute("execute as somebody with no revert")
        with pytest.raises(pymysql.Error, match="SELECT privilege"):
            cursor.execute("select v from d.secret")


def test_a_user_that_is_dropped_may_nothing_more(server: Server) -> None:
    run(server, "create user gone", "grant select on table d.secret to gone")
    with closing(connect(server, "gone")) as connection, connection.cursor() as cursor:
        assert cursor.execute("select v from d.secret") == 1
        run(server, "drop user gone")
        with pytest.raises(pymysql.Error, match="SELECT privilege"):
            cursor.execute("select v from d.secret")


def test_a_statement_without_a_rule_is_for_root_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(_session: Session, _reader: Reader) -> Result:
        return rows(["secret"], [["4711"]])

    monkeypatch.setitem(registry._HANDLERS, ("SHOW", "SECRETS"), registry.Handler("SHOW SECRETS", handle, False, 2))
    assert "SHOW SECRETS" not in RULES
    run(server, "create user if not exists plain", "create user if not exists boss default role root")
    assert run(server, "show secrets") == (("4711",),)
    assert run(server, "show secrets", user="boss") == (("4711",),)
    assert refusal(server, "show secrets", user="plain")[0] == 1235


def test_the_database_of_a_login_is_asked_for(server: Server) -> None:
    run(server, "create user if not exists plain")
    with pytest.raises(pymysql.Error, match=r"ANY privilege\(s\) on DATABASE d"):
        connect(server, "plain", database="d")
    with closing(connect(server, "plain")) as connection, pytest.raises(pymysql.Error, match="ANY privilege"):
        connection.select_db("d")


def test_the_columns_of_a_table_are_not_told_by_the_wire_either(server: Server) -> None:
    run(server, "create user lister", "grant select on table d.t to lister")
    with closing(connect(server, "lister", database="d")) as connection:
        connection._execute_command(COMMAND.COM_FIELD_LIST, b"secret\0")
        packet = connection._sock.recv(4096)[4:]
        assert packet[0] == 0xFF
        assert struct.unpack_from("<H", packet, 1)[0] == 5203


def put(port: int, table: str, user: str, password: str, **headers: str) -> requests.Response:
    """A Stream Load of one row, sent without following redirects."""
    return requests.put(
        f"http://127.0.0.1:{port}/api/d/{table}/_stream_load",
        data=b"7,1\n",
        auth=(user, password),
        headers={"Expect": "100-continue", "column_separator": ",", **headers},
        allow_redirects=False,
        timeout=30,
    )


def test_stream_load_logs_in_and_asks_for_insert(server: Server) -> None:
    run(server, "create user loader identified by 'p'", "grant select on table d.t to loader")
    assert put(server.http_port, "t", "loader", "wrong").status_code == 401
    assert put(server.http_port, "t", "loader", "p").status_code == 401
    straight = put(server.be_http_port, "t", "loader", "p").json()
    assert straight["Status"] == "Fail"
    assert straight["Message"] == "Access denied; you need (at least one of) the INSERT privilege(s) for this operation"
    run(server, "grant insert on table d.t to loader")
    assert put(server.http_port, "t", "loader", "p").status_code == 307
    assert put(server.be_http_port, "t", "loader", "p").json()["Status"] == "Success"
    assert put(server.http_port, "secret", "loader", "p").status_code == 401


def test_an_active_role_is_needed_for_stream_load_too(server: Server) -> None:
    run(server, "create role writers", "grant insert on table d.t to role writers", "create user writer")
    run(server, "grant writers to writer")
    refused = put(server.http_port, "t", "writer", "")
    assert refused.status_code == 401
    assert "Inactivated role(s): [writers]" in refused.json()["msg"]
    run(server, "set default role all to writer")
    assert put(server.http_port, "t", "writer", "").status_code == 307


def test_a_transaction_load_asks_for_insert_at_every_call(server: Server) -> None:
    run(server, "create user outsider identified by 'p'")
    url = f"http://127.0.0.1:{server.be_http_port}/api/transaction"
    headers = {"db": "d", "table": "t", "label": "of_root"}
    begun = requests.post(f"{url}/begin", headers=headers, auth=("root", ""), timeout=30).json()
    assert begun["Status"] == "OK"
    for operation in ("begin", "prepare", "commit", "rollback"):
        label = {"label": "of_root"} if operation != "begin" else {"label": "own"}
        sent = {**headers, **label}
        if operation != "begin":
            del sent["table"]
        answer = requests.post(f"{url}/{operation}", headers=sent, auth=("outsider", "p"), timeout=30).json()
        assert "INSERT privilege" in answer["Message"], operation
    requests.post(f"{url}/rollback", headers=headers, auth=("root", ""), timeout=30)


def test_a_backup_asks_for_export_on_each_table(server: Server, tmp_path: Path) -> None:
    run(server, f"create repository r with broker on location 'file://{tmp_path}'")
    run(server, "create user keeper", "grant repository on system to keeper", "grant export on table d.t to keeper")
    assert "EXPORT privilege(s) on TABLE secret" in refusal(server, "backup snapshot d.s to r", user="keeper")[1]
    run(server, "backup snapshot d.s to r on (table t)", user="keeper")


def test_another_users_connection_is_not_killed(server: Server) -> None:
    run(server, "create user if not exists plain")
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute("select connection_id()")
        (number,) = cursor.fetchone() or (0,)
        assert refusal(server, f"kill {number}", user="plain")[0] == 5203
        listed = run(server, "show processlist", user="plain")
        assert {row[2] for row in listed} == {"plain"}
        assert cursor.execute("select 1") == 1


def test_a_user_has_as_many_connections_as_it_may(server: Server) -> None:
    run(server, "create user few properties ('max_user_connections' = '1')")
    with closing(connect(server, "few")), pytest.raises(pymysql.Error, match="connection limit"):
        connect(server, "few")
