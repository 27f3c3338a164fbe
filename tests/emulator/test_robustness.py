"""Clients that behave badly, many at once, a full disk: an error for who is concerned, everyone else goes on."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from emulator.server import Server
from tests.emulator.loading import BASIC, Client, client, wait_for

REPOSITORY = Path(__file__).parents[2]
CLIENTS = 16
STATEMENT_BYTES = 40 << 20
FILE_BYTES = 16 << 20


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop table if exists t")
        found.sql("create table t (id bigint not null, v int) primary key (id) distributed by hash(id)")
        yield found


def test_a_client_that_vanishes_in_the_middle_of_a_load(dw: Client) -> None:
    port = int(dw.be.rsplit(":", 1)[1])
    head = (
        f"PUT /api/dw/t/_stream_load HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\nlabel: vanished\r\n"
        "column_separator: ,\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as gone:
        gone.sendall(head.encode() + b"1,1\n")
        assert wait_for(lambda: dw.state("vanished"), lambda state: state == "PREPARE") == "PREPARE"
    assert wait_for(lambda: dw.state("vanished"), lambda state: state == "ABORTED") == "ABORTED"
    assert dw.csv("t", "2,2\n", label="vanished")["Status"] == "Success"
    assert dw.sql("select id from t") == [(2,)]


def test_a_client_that_vanishes_in_the_middle_of_a_result(dw: Client, server: Server) -> None:
    options: dict[str, Any] = {"host": "127.0.0.1", "port": server.mysql_port, "user": "root"}
    gone = pymysql.connect(cursorclass=pymysql.cursors.SSCursor, **options)
    cursor = gone.cursor()
    cursor.execute("select generate_series, repeat('x', 1000) from table(generate_series(1, 200000))")
    assert cursor.fetchone() is not None
    number = gone.thread_id()
    gone._sock.shutdown(socket.SHUT_RDWR)
    assert wait_for(lambda: number in server.sessions, lambda there: not there) is False
    cursor._result.unbuffered_active = False  # else it reads on when it is collected
    assert dw.sql("select 1") == [(1,)]


def test_a_statement_of_40_mb(dw: Client) -> None:
    text = "x" * STATEMENT_BYTES
    assert dw.sql(f"select length('{text}')") == [(STATEMENT_BYTES,)]


def test_sixteen_clients_at_once(server: Server, dw: Client) -> None:
    faults: list[str] = []

    def work(number: int) -> None:
        try:
            with client(server) as one:
                for at in range(5):
                    key = number * 100 + at
                    one.sql(f"insert into t values ({key}, {number})")
                    assert one.csv("t", f"{key + 50},{number}\n")["Status"] == "Success"
                    assert one.sql(f"select count(*) from t where v = {number}") == [(2 * at + 2,)]
        except Exception as error:
            faults.append(f"{number}: {error!r}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert dw.sql("select count(*), count(distinct id) from t") == [(CLIENTS * 10, CLIENTS * 10)]


@contextmanager
def limited_server(data: Path, most: int | None) -> Iterator[pymysql.Connection]:
    """A server process that can write no file of more than `most` bytes, and a connection to it."""

    def limit() -> None:
        if most is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    options = [word for name in ("mysql", "http", "be-http") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "emulator", "--data", str(data), *options]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, preexec_fn=limit)
    assert process.stdout is not None
    try:
        ports = json.loads(process.stdout.readline())
        yield pymysql.connect(host="127.0.0.1", port=ports["mysql_port"], user="root", autocommit=True)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_what_was_committed_survives_a_file_that_cannot_grow(tmp_path: Path) -> None:
    insert = "insert into d.t select generate_series, uuid() from table(generate_series(1, 50000))"
    done, more = 0, 0
    with limited_server(tmp_path, FILE_BYTES) as connection, connection.cursor() as cursor:
        cursor.execute("create database d")
        cursor.execute("create table d.t (k bigint not null, v varchar(100)) duplicate key (k) distributed by hash (k)")
        with pytest.raises(pymysql.Error):
            while done < 100:
                cursor.execute(insert)
                done += 1
        cursor.execute("select count(*) from d.t")
        assert cursor.fetchone() == (done * 50000,)
        more = cursor.execute("insert into d.t values (0, 'small')")
        cursor.execute("select count(*) from d.t")
        assert cursor.fetchone() == (done * 50000 + more,)
    with limited_server(tmp_path, None) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from d.t")
        assert cursor.fetchone() == (done * 50000 + more,)
