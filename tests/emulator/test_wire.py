"""The MySQL protocol: logins, types on the wire, large packets, several statements, kill, prepared statements."""

import datetime
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql.constants import CLIENT, FIELD_TYPE

from emulator.server import Server

HEAVY = """select count(*) from table(generate_series(1, 3000000)) a, table(generate_series(1, 3000000)) b
           where a.generate_series + b.generate_series = 7"""


@pytest.fixture
def connection(server: Server) -> Iterator[pymysql.Connection]:
    made = connect(server)
    yield made
    if made.open:
        made.close()


def connect(server: Server, **options: object) -> pymysql.Connection:
    return pymysql.connect(host="127.0.0.1", port=server.mysql_port, user="root", autocommit=True, **options)


def rows(connection: pymysql.Connection, sql: str) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_a_wrong_password_is_refused_and_the_socket_closed() -> None:
    with Server(root_password="right") as server:
        with pytest.raises(pymysql.err.OperationalError) as refused:
            connect(server, password="wrong")
        assert refused.value.args[0] == 1045
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(host="127.0.0.1", port=server.mysql_port, user="nobody", password="")
        assert rows(connect(server, password="right"), "select 1") == ((1,),)


def test_nothing_is_answered_after_a_refused_login() -> None:
    with Server(root_password="right") as server, socket.create_connection(("127.0.0.1", server.mysql_port)) as client:
        greeting = client.recv(4096)
        assert greeting[4] == 10
        flags = 0x200 | 0x8000 | 0x80000
        body = struct.pack("<IIB", flags, 1 << 24, 33) + b"\0" * 23 + b"root\0" + b"\x14" + hashlib.sha1(b"x").digest()
        body += b"mysql_native_password\0"
        client.sendall(struct.pack("<I", len(body) | 1 << 24) + body)
        client.sendall(b"\x09\0\0\0\x03select 1")
        answer = b""
        while part := client.recv(4096):
            answer += part
        assert b"#28000Access denied" in answer
        assert answer.count(b"#") == 1, "only the refusal is answered"


def test_types_arrive_as_starrocks_sends_them(connection: pymysql.Connection) -> None:
    sql = """select cast(1 as tinyint) a, cast(2 as bigint) b, cast('18446744073709551615' as largeint) c,
             cast(1.50 as decimal(10, 2)) d, cast(2.5 as double) e, cast('2024-01-02' as date) f,
             cast('2024-01-02 03:04:05.678' as datetime) g, true h, parse_json('{"k": 1}') i, split('x,y', ',') j,
             'text' k, null l"""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        (row,) = cursor.fetchall()
        kinds = [column[1] for column in cursor.description]
    assert row[:5] == (1, 2, "18446744073709551615", Decimal("1.50"), 2.5)
    assert row[5] == datetime.date(2024, 1, 2)
    assert row[6] == datetime.datetime(2024, 1, 2, 3, 4, 5, 678000)
    assert row[7:] == (1, '{"k": 1}', '["x","y"]', "text", None)
    assert kinds[:8] == [
        FIELD_TYPE.TINY,
        FIELD_TYPE.LONGLONG,
        FIELD_TYPE.STRING,
        FIELD_TYPE.NEWDECIMAL,
        FIELD_TYPE.DOUBLE,
        FIELD_TYPE.DATE,
        FIELD_TYPE.DATETIME,
        FIELD_TYPE.TINY,
    ]
    assert kinds[8:11] == [FIELD_TYPE.STRING, FIELD_TYPE.STRING, FIELD_TYPE.VAR_STRING]


def test_affected_rows_and_the_info_text(connection: pymysql.Connection) -> None:
    rows(connection, "create database if not exists w")
    rows(connection, "create table if not exists w.t (k int not null) primary key (k) distributed by hash (k)")
    with connection.cursor() as cursor:
        assert cursor.execute("insert into w.t with label told values (1), (2), (3)") == 3
    assert b"{'label':'told', 'status':'VISIBLE', 'txnId':'" in connection._result.message


def test_the_status_flag_says_that_a_transaction_is_open(connection: pymysql.Connection) -> None:
    rows(connection, "begin")
    assert connection.server_status & 1
    rows(connection, "rollback")
    assert not connection.server_status & 1


def test_several_statements_in_one_text(server: Server) -> None:
    with connect(server, client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("select 1; select 'a;b' as t; set query_timeout = 300; select 3;")
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
        assert found == [((1,),), (("a;b",),), [], ((3,),)]
        with pytest.raises(pymysql.Error):
            cursor.execute("select nothing; select 1")
        assert rows(connection, "select 4") == ((4,),)


def test_a_row_larger_than_a_packet(connection: pymysql.Connection) -> None:
    size = 17_000_000
    ((text,),) = rows(connection, f"select repeat('x', {size})")
    assert len(text) == size


def test_a_statement_larger_than_a_packet(server: Server) -> None:
    with connect(server, max_allowed_packet=1 << 26) as connection:
        text = "y" * 17_000_000
        assert rows(connection, f"select length('{text}')") == ((17_000_000,),)


def test_kill_query_stops_the_statement_and_keeps_the_session(server: Server, connection: pymysql.Connection) -> None:
    ((number,),) = rows(connection, "select connection_id()")
    told: list[object] = []

    def heavy() -> None:
        try:
            rows(
                connection,
                HEAVY,
            )
        except pymysql.Error as error:
            told.append(error.args[0])

    thread = threading.Thread(target=heavy)
    thread.start()
    with connect(server) as other:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            busy = {row[1]: row[5] for row in rows(other, "show processlist")}
            if busy.get(number) == "Query":
                break
        time.sleep(0.3)
        rows(other, f"kill query {number}")
    thread.join(20)
    assert not thread.is_alive()
    assert told == [1317]
    assert rows(connection, "select 1") == ((1,),)


def test_a_statement_that_runs_longer_than_its_timeout(connection: pymysql.Connection) -> None:
    rows(connection, "set query_timeout = 1")
    with pytest.raises(pymysql.Error) as stopped:
        rows(
            connection,
            HEAVY,
        )
    assert stopped.value.args[0] == 5024
    rows(connection, "set query_timeout = 300")


def test_select_streams_many_rows(server: Server) -> None:
    with connect(server, cursorclass=pymysql.cursors.SSCursor) as connection, connection.cursor() as cursor:
        cursor.execute("select generate_series, 'text' from table(generate_series(1, 50000))")
        assert sum(row[0] for row in cursor) == 50000 * 50001 // 2


def test_an_answer_whose_packets_come_round_to_the_number_of_the_question(connection: pymysql.Connection) -> None:
    # The number of a packet has one byte: an answer of 256 packets, or of 512, ends where it began.
    for count in (*range(248, 256), *range(504, 512)):
        assert len(rows(connection, f"select generate_series from table(generate_series(1, {count}))")) == count
        assert rows(connection, "select 'the next one'") == (("the next one",),)


def test_init_db_ping_and_change_of_database(connection: pymysql.Connection) -> None:
    rows(connection, "create database if not exists other")
    connection.select_db("other")
    connection.ping(reconnect=False)
    assert rows(connection, "select database()") == (("other",),)
    with pytest.raises(pymysql.Error) as unknown:
        connection.select_db("nowhere")
    assert unknown.value.args[0] == 5501


# -- prepared statements, spoken by hand -----------------------------------------------------------------------------


def command(connection: pymysql.Connection, code: int, data: bytes) -> bytes:
    connection._execute_command(code, data)
    return connection._read_packet().get_all_data()


def test_a_prepared_select(connection: pymysql.Connection) -> None:
    answer = command(connection, 0x16, b"select ? + 1, concat(?, '?')")
    number, columns, parameters = struct.unpack_from("<IHH", answer, 1)
    assert (answer[0], columns, parameters) == (0, 0, 2)
    for _ in range(3):
        connection._read_packet()
    values = b"\x00\x01" + b"\x08\x00" + b"\xfd\x00" + struct.pack("<q", 41) + b"\x02it"
    count = command(connection, 0x17, struct.pack("<IBI", number, 0, 1) + values)
    assert count == b"\x02"
    for _ in range(3):
        connection._read_packet()
    row = connection._read_packet().get_all_data()
    assert row == b"\x00\x00" + struct.pack("<h", 42) + b"\x03it?"
    connection._read_packet()
    assert rows(connection, "select 5") == ((5,),)


def test_only_queries_can_be_prepared(connection: pymysql.Connection) -> None:
    with pytest.raises(pymysql.Error) as refused:
        command(connection, 0x16, b"insert into t values (?)")
    assert refused.value.args[0] == 1295


# -- bad input -------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_garbage_on_the_port_hurts_nobody(server: Server, connection: pymysql.Connection, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.mysql_port), timeout=5) as client:
        client.recv(200)
        client.sendall(garbage)
    assert rows(connection, "select 1") == ((1,),)


def test_half_a_packet_and_a_client_that_vanishes(server: Server, connection: pymysql.Connection) -> None:
    half = connect(server)
    half._sock.sendall(b"\xff\xff\x00\x00\x03select")
    half._sock.shutdown(socket.SHUT_RDWR)
    rows(connection, "create database if not exists v")
    rows(connection, "create table if not exists v.t (k int not null) primary key (k) distributed by hash (k)")
    gone = connect(server)
    rows(gone, "begin")
    rows(gone, "insert into v.t values (1)")
    gone._sock.shutdown(socket.SHUT_RDWR)
    assert rows(connection, "select count(*) from v.t") == ((0,),)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=60).filter(str.strip))
def test_any_text_is_answered(connection: pymysql.Connection, text: str) -> None:
    try:
        rows(connection, text)
    except (pymysql.Error, UnicodeEncodeError) as error:
        assert error.args[0] != 1815, "no internal error"
    assert rows(connection, "select 1") == ((1,),)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(-(2**63), 2**63 - 1))
def test_values_come_back_as_they_went(connection: pymysql.Connection, text: str, value: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select %s, %s", (text, value))
        assert cursor.fetchall() in (((text, value),), ((text, str(value)),))
