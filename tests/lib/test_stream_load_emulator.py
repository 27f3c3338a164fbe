"""Stream Load into the embedded server: the real path of rows, and a reply that it loses on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql
import pytest

from emulator.injected_faults import InjectedFaults
from emulator.server import Server
from lib.errors import Refused
from lib.stream_load.load import Body, Loaded, Request, StreamLoad

TABLE = "CREATE TABLE dw.fact (id BIGINT NOT NULL, name VARCHAR(20)) PRIMARY KEY (id) DISTRIBUTED BY HASH (id)"
ROWS = '1\x01ä\n,"\x022\x01\\N\x02'.encode()


@pytest.fixture
def server(tmp_path: Path, environment: Callable[..., None]) -> Iterator[Server]:
    server = Server(data=tmp_path / "data")
    vars(server)["faults"] = InjectedFaults(enabled=True)
    with server:
        environment(STARROCKS_PORT=server.mysql_port, STARROCKS_HTTP_PORT=server.http_port)
        run(server, "CREATE DATABASE dw", TABLE)
        yield server


def run(server: Server, *statements: str) -> list[tuple[object, ...]]:
    with pymysql.connect(host="127.0.0.1", port=server.mysql_port, user="root", autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def load(label: str, data: bytes = ROWS, rows: int = 2) -> Loaded:
    body = Body(lambda: iter([data]), len(data))
    return StreamLoad.connect().load(Request("dw", "fact", label, "id, name", body, rows))


def test_rows_arrive_as_they_were_sent(server: Server) -> None:
    loaded = load("l-1")
    assert (loaded.total_rows, loaded.loaded_rows, loaded.visible) == (2, 2, True)
    assert run(server, "SELECT id, name FROM dw.fact ORDER BY id") == [(1, 'ä\n,"'), (2, None)]
    assert StreamLoad.connect().state("dw", "l-1") == "VISIBLE"
    assert StreamLoad.connect().state("dw", "l-2") == "UNKNOWN"


def test_a_lost_reply_is_found_and_nothing_is_doubled(server: Server) -> None:
    run(server, "CREATE TABLE dw.dup (id BIGINT) DUPLICATE KEY (id) DISTRIBUTED BY HASH (id)")
    vars(server)["faults"].lose_reply_after_commit()
    body = Body(lambda: iter([b"7\x02"]), 2)
    loaded = StreamLoad.connect().load(Request("dw", "dup", "d-1", "id", body, 1))
    assert loaded == Loaded("d-1", visible=True)
    assert run(server, "SELECT id FROM dw.dup") == [(7,)]


@pytest.mark.usefixtures("server")
def test_a_label_is_good_for_one_load() -> None:
    load("l-1")
    with pytest.raises(Refused, match="another load has used this label"):
        load("l-1")


def test_a_row_that_does_not_fit_refuses_the_load_and_frees_the_label(server: Server) -> None:
    with pytest.raises(Refused, match="too many filtered rows"):
        load("l-1", b"x\x01a\x02" + ROWS, 3)
    assert run(server, "SELECT count(*) FROM dw.fact") == [(0,)]
    assert load("l-1").loaded_rows == 2
