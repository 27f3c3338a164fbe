"""What was acknowledged is there after kill -9; many clients at once; one server a data directory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pymysql
import pytest

from emulator.server import Server
from emulator.storage.engine import DataDirectoryInUse

ROOT = Path(__file__).parents[2]


def start(data: Path) -> tuple[subprocess.Popen[str], int]:
    """A server process and its MySQL port."""
    command = [sys.executable, "-m", "emulator", "--data", str(data)]
    command += ["--mysql-port", "0", "--http-port", "0", "--be-http-port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["mysql_port"]


def connect(port: int, database: str | None = None) -> pymysql.Connection:
    return pymysql.connect(host="127.0.0.1", port=port, user="root", database=database, autocommit=True)


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    process, port = start(tmp_path)
    with connect(port) as connection, connection.cursor() as cursor:
        cursor.execute("create database d")
        cursor.execute("create table d.t (k int not null, v int) primary key (k) distributed by hash (k)")
        cursor.execute("create table d.u (k int not null, v int) primary key (k) distributed by hash (k)")
    acknowledged: list[int] = []

    def write() -> None:
        connection = connect(port, "d")
        number = 0
        try:
            with connection.cursor() as cursor:
                while True:
                    number += 1
                    cursor.execute(f"begin with label l{number}")
                    cursor.execute(f"insert into t values ({number}, 1), ({number + 100000}, 2)")
                    cursor.execute(f"insert into u values ({number}, 1)")
                    cursor.execute("commit")
                    acknowledged.append(number)
        except pymysql.Error:
            return

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 12:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    writer.join(10)
    process, port = start(tmp_path)
    try:
        with connect(port, "d") as connection, connection.cursor() as cursor:
            cursor.execute("select k from u order by k")
            kept = [row[0] for row in cursor.fetchall()]
            assert kept[: len(acknowledged)] == acknowledged
            assert len(kept) <= len(acknowledged) + 1
            cursor.execute("select count(*), count(distinct k % 100000) from t")
            assert cursor.fetchall() == ((2 * len(kept), len(kept)),), "both tables of a transaction, or none"
            with pytest.raises(pymysql.Error, match="already been used"):
                cursor.execute(f"insert into t with label l{acknowledged[-1]} values (7, 7)")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_everything_is_there_after_a_clean_stop(tmp_path: Path) -> None:
    columns = "k int not null comment 'c', v decimal(10, 2)"
    with Server(data=tmp_path) as server, connect(server.mysql_port) as connection, connection.cursor() as cursor:
        cursor.execute("create database d")
        cursor.execute(f"create table d.t ({columns}) primary key (k) distributed by hash (k)")
        cursor.execute("insert into d.t values (1, 1.5)")
        cursor.execute("create view d.w as select v * 2 as v from d.t")
        cursor.execute("show create table d.t")
        before = cursor.fetchall()
    with Server(data=tmp_path) as server, connect(server.mysql_port, "d") as connection, connection.cursor() as cursor:
        cursor.execute("select v from w")
        assert str(cursor.fetchone()[0]) == "3.00"
        cursor.execute("show create table t")
        assert cursor.fetchall() == before


def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with Server(data=tmp_path), pytest.raises(DataDirectoryInUse, match="--data"):
        Server(data=tmp_path).start()


def test_eight_clients_write_and_read_at_once() -> None:
    faults: list[Exception] = []
    with Server() as server:
        with connect(server.mysql_port) as connection, connection.cursor() as cursor:
            cursor.execute("create database d")
            cursor.execute("create table d.t (k int not null, v int) primary key (k) distributed by hash (k)")

        def client(number: int) -> None:
            try:
                with connect(server.mysql_port, "d") as connection, connection.cursor() as cursor:
                    for step in range(10):
                        cursor.execute(f"insert into t values ({number * 100 + step}, {number})")
                        cursor.execute(f"select count(*) from t where v = {number}")
                        assert cursor.fetchone() == (step + 1,)
                        cursor.execute(f"update t set v = {number} where k = {number * 100}")
            except Exception as fault:
                faults.append(fault)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert faults == []
        with connect(server.mysql_port, "d") as connection, connection.cursor() as cursor:
            cursor.execute("select count(*), count(distinct k) from t")
            assert cursor.fetchone() == (80, 80)
