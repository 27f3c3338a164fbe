"""Stream Load transactions over several tables, prepared transactions over a restart, label states."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator.server import Server
from tests.emulator.loading import AUTH, Client, client, wait_for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(data=tmp_path / "data", async_delay_ms=0, faults=True) as running:
        yield running


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        for name in ("t", "u"):
            found.sql(f"create table {name} (id bigint not null, v int) duplicate key (id) distributed by hash(id)")
        yield found


def call(dw: Client, operation: str, label: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """One call at the FE, followed to the BE where it is sent there."""
    wanted = {"db": "dw", "label": label, "Expect": "100-continue", "column_separator": ",", **headers}
    method = "PUT" if operation == "load" else "POST"
    url = f"{dw.fe}/api/transaction/{operation}"
    given: dict[str, Any] = {"headers": wanted, "auth": AUTH, "timeout": 20}
    first = requests.request(method, url, allow_redirects=False, **given)
    if first.status_code != 307:
        return dict(first.json())
    return dict(requests.request(method, first.headers["Location"], data=body, **given).json())


def multi(dw: Client, operation: str, label: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    return call(dw, operation, label, body, transaction_type="multi", **headers)


def test_several_tables_become_visible_together(dw: Client) -> None:
    assert multi(dw, "begin", "both", timeout="60") == {"Status": "OK", "Message": ""}
    first = multi(dw, "load", "both", b"1,1\n", table="t")
    assert (first["Status"], first["Label"], first["LoadBytes"]) == ("OK", "both", 4)
    assert multi(dw, "load", "both", b"2,2\n", table="t")["Status"] == "OK"
    assert multi(dw, "load", "both", b"9,9\n", table="u")["Status"] == "OK"
    assert dw.sql("select count(*) from t") == [(0,)]
    assert dw.state("both") == "PREPARE"
    committed = multi(dw, "commit", "both")
    assert committed == {
        "Label": "both",
        "TxnId": first["TxnId"],
        "ChannelId": 0,
        "Prepared Channel Num": 1,
        "Status": "OK",
        "Message": "",
    }
    assert dw.sql("select id from t order by id") == [(1,), (2,)]
    assert dw.sql("select id from u") == [(9,)]
    assert multi(dw, "commit", "both")["Message"].endswith("has already committed, label is both")
    assert multi(dw, "rollback", "both")["Status"] == "FAILED"
    assert multi(dw, "begin", "both")["Status"] == "LABEL_ALREADY_EXISTS"


def test_a_bad_row_of_one_table_loses_all(dw: Client) -> None:
    multi(dw, "begin", "bad")
    multi(dw, "load", "bad", b"1,1\n", table="t")
    multi(dw, "load", "bad", b"x,1\n", table="u")
    answer = multi(dw, "commit", "bad")
    assert (answer["Status"], "abnormal data more than max filter rate" in answer["Message"]) == ("FAILED", True)
    assert dw.sql("select count(*) from t") == [(0,)]
    assert multi(dw, "load", "bad", b"1,1\n", table="t")["Status"] == "FAILED"


def test_a_label_is_used_up_by_a_rollback(dw: Client) -> None:
    multi(dw, "begin", "back")
    multi(dw, "load", "back", b"1,1\n", table="t")
    assert multi(dw, "rollback", "back")["Status"] == "OK"
    assert multi(dw, "commit", "back")["Status"] == "FAILED"
    assert multi(dw, "begin", "back")["Status"] == "LABEL_ALREADY_EXISTS"
    assert dw.sql("select count(*) from t") == [(0,)]


def test_its_life_is_the_timeout_of_begin(dw: Client) -> None:
    multi(dw, "begin", "short", timeout="1")
    assert wait_for(lambda: dw.state("short"), lambda state: state == "ABORTED") == "ABORTED"
    answer = multi(dw, "load", "short", b"1,1\n", table="t")
    assert (answer["Status"], "transaction timeout after 1000ms" in answer["Message"]) == ("FAILED", True)


def test_there_is_no_prepare(dw: Client) -> None:
    multi(dw, "begin", "never")
    assert multi(dw, "prepare", "never")["Message"].endswith("Unsupported operation: TXN_PREPARE")


def test_the_be_takes_loads_only(dw: Client) -> None:
    headers = {"db": "dw", "label": "be", "transaction_type": "multi"}
    answer = requests.post(f"{dw.be}/api/transaction/begin", headers=headers, auth=AUTH, timeout=10).json()
    assert answer["Status"] == "INVALID_ARGUMENT"


def test_what_is_prepared_survives_a_restart_and_what_is_open_does_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data=data, async_delay_ms=0) as server, client(server) as dw:
        dw.sql("create table t (id bigint not null, v int) primary key (id) distributed by hash(id)")
        for label in ("kept", "given-up", "open"):
            call(dw, "begin", label, table="t")
            call(dw, "load", label, b"1,1\n2,2\n", table="t")
        multi(dw, "begin", "many")
        for label in ("kept", "given-up"):
            assert call(dw, "prepare", label, prepared_timeout="300")["NumberLoadedRows"] == 2
    with Server(data=data, async_delay_ms=0) as server, client(server) as dw:
        assert [dw.state(label) for label in ("kept", "given-up", "open")] == ["PREPARED", "PREPARED", "UNKNOWN"]
        (shown,) = dw.named("show transaction where label = 'kept'")
        assert (shown["TransactionStatus"], int(shown["PreparedTimeoutMs"])) == ("PREPARED", 300000)
        assert call(dw, "commit", "kept")["Status"] == "OK"
        assert call(dw, "rollback", "given-up")["Status"] == "OK"
        assert dw.sql("select * from t order by id") == [(1, 1), (2, 2)]
        assert [dw.state(label) for label in ("kept", "given-up")] == ["VISIBLE", "ABORTED"]
        assert call(dw, "begin", "open", table="t")["Status"] == "OK"
        assert multi(dw, "begin", "many")["Status"] == "LABEL_ALREADY_EXISTS"
        kept = server.engine.cursor().execute("select count(*) from duckdb_tables() where table_name like 'k%'")
        assert kept.fetchone() == (0,)


def test_a_prepared_transaction_times_out(dw: Client) -> None:
    call(dw, "begin", "late", table="t")
    call(dw, "load", "late", b"1,1\n", table="t")
    assert call(dw, "prepare", "late", prepared_timeout="1")["Status"] == "OK"
    assert wait_for(lambda: dw.state("late"), lambda state: state == "ABORTED") == "ABORTED"
    (shown,) = dw.named("show transaction where label = 'late'")
    assert (shown["Reason"], int(shown["PreparedTimeoutMs"])) == ("timeout by txn manager", 1000)
    answer = call(dw, "commit", "late")
    assert "Can not commit ABORTED transaction" in answer["Message"]


def test_labels_are_forgotten_by_number_and_by_age(dw: Client) -> None:
    dw.sql('admin set frontend config ("label_keep_max_num" = "3")')
    for at in range(6):
        dw.load("t", b"1,1\n", label=f"n{at}", column_separator=",")
    assert [dw.state(f"n{at}") for at in (0, 1, 5)] == ["UNKNOWN", "UNKNOWN", "VISIBLE"]
    dw.sql('admin set frontend config ("label_keep_max_second" = "0")')
    time.sleep(0.01)
    dw.load("t", b"1,1\n", label="last", column_separator=",")
    assert dw.state("n5") == "UNKNOWN"
