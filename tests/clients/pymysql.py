# /// script
# dependencies = ["pymysql==1.2.4"]
# [tool.client]
# package = "pymysql"
# runs = "types, executemany, transactions and labels, streaming cursor, several statements, errors"
# ///
"""PyMySQL: text protocol, pure Python."""

import datetime
from decimal import Decimal

import pymysql
from programme import check, connect, rows, run
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.cursors import DictCursor, SSCursor

TABLE = """create table p.t (k bigint not null, flag boolean, tiny tinyint, small smallint, whole int, large largeint,
    single float, twice double, money decimal(20, 4), day date, at datetime, fixed char(3), word varchar(100), doc json,
    list array<int>) primary key (k) distributed by hash (k) properties ("replication_num" = "1")"""


@check
def make_a_table_and_read_every_type() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database p")
        cursor.execute(TABLE)
        cursor.execute(
            "insert into p.t values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, parse_json(%s), [1, null])",
            (9223372036854775807, True, -128, 32767, -2147483648, 170141183460469231731687303715884105727, 1.5, 0.1,
             Decimal("12345.6789"), datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 23, 59, 59, 500000),
             "abc", "it's \\ \"é\" 漢 😀\n", '{"b": 1, "a": [true, null]}'),
        )  # fmt: skip
        assert cursor.rowcount == 1
    (row,) = rows("select * from p.t")
    assert row == (
        9223372036854775807, 1, -128, 32767, -2147483648, "170141183460469231731687303715884105727", 1.5, 0.1,
        Decimal("12345.6789"), datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 23, 59, 59, 500000), "abc",
        "it's \\ \"é\" 漢 😀\n", '{"a": [true, null], "b": 1}', "[1,null]",
    ), row  # fmt: skip


@check
def columns_have_mysql_types() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("select k, tiny, small, whole, single, twice, money, day, at, word from p.t")
        kinds = [column[1] for column in cursor.description]
    assert kinds == [
        FIELD_TYPE.LONGLONG, FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.LONG, FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE,
        FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.VAR_STRING,
    ], kinds  # fmt: skip


@check
def nulls_are_none() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("insert into p.t (k) values (1)")
    (row,) = rows("select * from p.t where k = 1")
    assert row == (1, *(None,) * 14), row


@check
def executemany_upserts() -> None:
    values = [(number, f"text {number}") for number in range(1000)]
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table p.many (k int not null, v varchar(20)) primary key (k) distributed by hash (k)")
        assert cursor.executemany("insert into p.many (k, v) values (%s, %s)", values) == 1000
        cursor.executemany("insert into p.many (k, v) values (%s, %s)", [(1, "again"), (1000, "new")])
    assert rows("select count(*), count(distinct k) from p.many") == [(1001, 1001)]
    assert rows("select v from p.many where k = 1") == [("again",)]


@check
def a_transaction_is_seen_after_commit_only() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("delete from p.many where k = 1000")
        assert rows("select count(*) from p.many") == [(1001,)]
        cursor.execute("rollback")
        assert rows("select count(*) from p.many") == [(1001,)]
        cursor.execute("begin with label pymysql_1")
        cursor.execute("delete from p.many where k = 1000")
        cursor.execute("commit")
        message = cursor._result.message.decode()
    assert "'label':'pymysql_1'" in message and "'status':'VISIBLE'" in message, message
    assert rows("select count(*) from p.many") == [(1000,)]


@check
def a_streaming_cursor_reads_many_rows() -> None:
    with connect(cursorclass=SSCursor) as connection, connection.cursor() as cursor:
        cursor.execute("select generate_series, repeat('x', 100) from TABLE(generate_series(1, 200000))")
        count = total = 0
        for number, text in cursor:
            count, total = count + 1, total + number
            assert len(text) == 100
    assert (count, total) == (200000, 20000100000)


@check
def several_statements_in_one_text() -> None:
    with connect(client_flag=CLIENT.MULTI_STATEMENTS) as connection, connection.cursor() as cursor:
        cursor.execute("select 1; update p.many set v = 'two' where k = 2; select v from p.many where k = 2")
        assert cursor.fetchall() == ((1,),)
        assert cursor.nextset() and cursor.rowcount == 1
        assert cursor.nextset() and cursor.fetchall() == (("two",),)
        assert not cursor.nextset()


@check
def rows_as_dictionaries_and_ping() -> None:
    with connect(cursorclass=DictCursor, database="p") as connection, connection.cursor() as cursor:
        connection.ping(reconnect=False)
        cursor.execute("select k, v as word from many where k = %(key)s", {"key": 2})
        assert cursor.fetchone() == {"k": 2, "word": "two"}
        connection.select_db("information_schema")
        cursor.execute("select database()")
        assert list(cursor.fetchone().values()) == ["information_schema"]


@check
def errors_have_numbers() -> None:
    with connect() as connection, connection.cursor() as cursor:
        for sql, code in (
            ("selec 1", 1064),
            ("select * from p.nothing", 5502),
            ("use nowhere", 5501),
            ("create table p.many (k int) duplicate key (k)", 1050),
        ):
            try:
                cursor.execute(sql)
            except pymysql.Error as error:
                assert error.args[0] == code, (sql, error.args)
            else:
                raise AssertionError(f"{sql}: no error")
        cursor.execute("select 1")
        assert cursor.fetchone() == (1,)


@check
def a_wrong_password_is_refused() -> None:
    try:
        pymysql.connect(host="127.0.0.1", port=connect().port, user="root", password="wrong")
    except pymysql.OperationalError as error:
        assert error.args[0] == 1045, error.args
    else:
        raise AssertionError("it was let in")


if __name__ == "__main__":
    run()
