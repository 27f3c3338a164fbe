# /// script
# dependencies = ["mysql-connector-python==9.7.0", "pymysql==1.2.4"]
# [tool.client]
# package = "mysql-connector-python"
# runs = "C and pure Python: types, prepared statements, pool, reset, several statements, errors"
# ///
"""MySQL Connector/Python in both its forms, with the binary protocol of prepared statements."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import mysql.connector
from mysql.connector.pooling import MySQLConnectionPool
from programme import HOST, PORT, check, rows, run

WHEN = datetime.datetime(2026, 2, 28, 12, 30, 15, 123456)
VALUES = (2**62, -7, 2.5, Decimal("-1234.50"), datetime.date(2026, 2, 28), WHEN, "é 'quoted' \\ 漢", None)


@contextmanager
def session(pure: bool, **options: Any) -> Iterator[Any]:
    connection = mysql.connector.connect(
        host=HOST, port=PORT, user="root", password="", use_pure=pure, autocommit=True, **options
    )
    try:
        yield connection
    finally:
        connection.close()


@check
def make_the_tables() -> None:
    with session(True) as connection, connection.cursor() as cursor:
        cursor.execute("create database m")
        for name in ("c", "pure", "prepared"):
            cursor.execute(
                f"create table m.{name} (k bigint not null, i int, f double, d decimal(20, 2), day date, at datetime,"
                " s varchar(50), n int) primary key (k) distributed by hash (k)"
            )
    assert rows("select count(*) from information_schema.tables where table_schema = 'm'") == [(3,)]


def _write_and_read(pure: bool, table: str) -> None:
    marks = ", ".join(["%s"] * 8)
    with session(pure) as connection, connection.cursor() as cursor:
        cursor.execute(f"insert into m.{table} values ({marks})", VALUES)
        assert cursor.rowcount == 1
        cursor.execute(f"select * from m.{table}")
        assert cursor.fetchall() == [VALUES]
    assert rows(f"select * from m.{table}") == [VALUES]


@check
def types_with_the_c_extension() -> None:
    _write_and_read(False, "c")


@check
def types_in_pure_python() -> None:
    _write_and_read(True, "pure")


@check
def prepared_statements() -> None:
    marks = ", ".join(["%s"] * 8)
    with session(True) as connection, connection.cursor() as cursor:
        for key in (1, 2, 3):
            cursor.execute(f"insert into m.prepared values ({marks})", (key, *VALUES[1:]))
    with session(True) as connection, connection.cursor(prepared=True) as cursor:
        cursor.execute("select * from m.prepared where k >= ? and s = ? order by k", (2, VALUES[6]))
        assert cursor.fetchall() == [(2, *VALUES[1:]), (3, *VALUES[1:])]
        cursor.execute("select count(*), max(at) from m.prepared where n is null and day = ?", (VALUES[4],))
        assert cursor.fetchall() == [(3, WHEN)]


@check
def prepared_statements_with_the_c_extension() -> None:
    with session(False) as connection, connection.cursor(prepared=True) as cursor:
        cursor.execute("select s, d from m.prepared where k = ?", (1,))
        assert cursor.fetchall() == [(VALUES[6], VALUES[3])]


@check
def only_queries_can_be_prepared() -> None:
    with session(True) as connection, connection.cursor(prepared=True) as cursor:
        try:
            cursor.execute("insert into m.prepared (k) values (?)", (9,))
        except mysql.connector.Error as error:
            assert error.errno == 1295, error
        else:
            raise AssertionError("StarRocks refuses it")


@check
def executemany_and_affected_rows() -> None:
    with session(False, database="m") as connection, connection.cursor() as cursor:
        cursor.execute("create table many (k int not null, v int) primary key (k) distributed by hash (k)")
        cursor.executemany("insert into many values (%s, %s)", [(number, number) for number in range(500)])
        assert cursor.rowcount == 500
        cursor.execute("update many set v = 0 where k < 10")
        assert cursor.rowcount == 10
    assert rows("select count(*), sum(v) from m.many") == [(500, 124705)]


@check
def rows_as_dictionaries() -> None:
    with session(True, database="m") as connection, connection.cursor(dictionary=True) as cursor:
        cursor.execute("select k as `a key`, v from many where k = 11")
        assert cursor.fetchall() == [{"a key": 11, "v": 11}]


@check
def a_pool_resets_its_sessions() -> None:
    pool = MySQLConnectionPool(
        pool_name="two", pool_size=2, host=HOST, port=PORT, user="root", password="", database="m", use_pure=True
    )
    first = pool.get_connection()
    with first.cursor() as cursor:
        cursor.execute("set query_timeout = 77")
    first.close()
    for connection in (pool.get_connection(), pool.get_connection()):
        with connection.cursor() as cursor:
            cursor.execute("select @@query_timeout, database()")
            assert cursor.fetchall() == [(300, "m")]
        connection.close()


@check
def change_user_and_ping() -> None:
    with session(True) as connection:
        connection.cmd_change_user("root", "", "m")
        assert connection.is_connected() and connection.database == "m"
        assert connection.server_info.startswith("8.0.33")


@check
def errors_have_numbers() -> None:
    with session(False) as connection, connection.cursor() as cursor:
        for sql, code in (("select * from m.nothing", 5502), ("select from", 1064)):
            try:
                cursor.execute(sql)
            except mysql.connector.Error as error:
                assert error.errno == code, (sql, error)
            else:
                raise AssertionError(f"{sql}: no error")


if __name__ == "__main__":
    run()
