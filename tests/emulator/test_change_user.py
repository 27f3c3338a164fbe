"""COM_CHANGE_USER: another user on the same connection, as pools of drivers send it."""

from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
from pymysql._auth import scramble_native_password
from pymysql.constants import COMMAND

from emulator.server import Server
from tests.emulator.loading import Client, client


@pytest.fixture
def dw(tmp_path: Path) -> Iterator[Client]:
    with Server(data=tmp_path / "data", async_delay_ms=0) as server, client(server) as found:
        found.sql("create user reader identified by 'secret'")
        yield found


def change(connection: pymysql.Connection, user: str, password: str, database: str = "") -> None:
    """Send the command; raises what the server answers."""
    answer = scramble_native_password(password.encode(), connection.salt[:20])
    body = user.encode() + b"\0" + bytes((len(answer),)) + answer + database.encode() + b"\0\x21\0"
    connection._execute_command(COMMAND.COM_CHANGE_USER, body)
    connection._read_ok_packet()


def test_another_user_has_another_identity_and_new_variables(dw: Client) -> None:
    dw.sql("set query_timeout = 7")
    change(dw.connection, "reader", "secret")
    assert dw.sql("select current_user(), @@query_timeout") == [("'reader'@'%'", 300)]
    with pytest.raises(pymysql.Error, match="Access denied"):
        dw.sql("create database mine")


def test_who_is_refused_stays_who_he_was(dw: Client) -> None:
    with pytest.raises(pymysql.Error) as caught:
        change(dw.connection, "reader", "wrong")
    assert caught.value.args[0] == 1045
    assert dw.sql("select current_user()") == [("'root'@'%'",)]


def test_a_database_that_is_not_there(dw: Client) -> None:
    with pytest.raises(pymysql.Error) as caught:
        change(dw.connection, "root", "", "nowhere")
    assert caught.value.args[0] == 5501
    assert dw.sql("select current_user(), database()") == [("'root'@'%'", "dw")]
