"""The Stream Load transaction interface for one table: begin, load, prepare, commit, rollback."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from emulator.server import Server
from tests.emulator.loading import AUTH, Client, client


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop table if exists t")
        found.sql("create table t (id bigint not null, name varchar(5)) duplicate key (id) distributed by hash(id)")
        yield found


def call(dw: Client, operation: str, label: str, body: bytes = b"", **headers: str) -> dict[str, Any]:
    """One call at the FE, followed to the BE by hand."""
    wanted = {"db": "dw", "table": "t", "label": label, "Expect": "100-continue", "column_separator": ",", **headers}
    method = "PUT" if operation == "load" else "POST"
    url = f"{dw.fe}/api/transaction/{operation}"
    first = requests.request(method, url, headers=wanted, auth=AUTH, allow_redirects=False, timeout=10)
    if first.status_code != 307:
        return dict(first.json())
    return dict(
        requests.request(method, first.headers["Location"], headers=wanted, auth=AUTH, data=body, timeout=10).json()
    )


def test_begin_load_prepare_commit(dw: Client) -> None:
    begun = call(dw, "begin", "whole")
    assert (begun["Status"], begun["Label"], begun["BeginTxnTimeMs"]) == ("OK", "whole", 0)
    loaded = call(dw, "load", "whole", b"1,a\n")
    assert (loaded["Status"], loaded["TxnId"], loaded["LoadBytes"]) == ("OK", begun["TxnId"], 4)
    assert call(dw, "load", "whole", b"2,b\n")["Status"] == "OK"
    prepared = call(dw, "prepare", "whole")
    assert (prepared["Status"], prepared["NumberTotalRows"], prepared["NumberLoadedRows"]) == ("OK", 2, 2)
    assert dw.sql("select * from t") == []
    assert dw.state("whole") == "PREPARED"
    assert dw.sql("select state from information_schema.loads where label = 'whole'") == [("PREPARED",)]
    committed = call(dw, "commit", "whole")
    assert (committed["Status"], committed["Message"]) == ("OK", "")
    assert dw.sql("select id from t order by id") == [(1,), (2,)]
    again = call(dw, "commit", "whole")
    assert (again["Status"], again["Message"]) == (
        "OK",
        f"Transaction {begun['TxnId']} has already committed, label is whole",
    )
    assert call(dw, "load", "whole", b"3,c\n")["Status"] == "TXN_NOT_EXISTS"
    assert call(dw, "rollback", "whole")["Status"] == "FAILED"
    taken = call(dw, "begin", "whole")
    assert (taken["Status"], taken["ExistingJobStatus"]) == ("LABEL_ALREADY_EXISTS", "FINISHED")


def test_rollback_frees_the_label(dw: Client) -> None:
    call(dw, "begin", "back")
    call(dw, "load", "back", b"1,a\n")
    assert call(dw, "begin", "back")["ExistingJobStatus"] == "RUNNING"
    assert call(dw, "rollback", "back")["Status"] == "OK"
    assert call(dw, "rollback", "back")["Status"] == "OK"
    assert call(dw, "load", "back", b"1,a\n")["Status"] == "TXN_NOT_EXISTS"
    assert call(dw, "commit", "back")["Status"] == "FAILED"
    assert dw.sql("select * from t") == []
    assert call(dw, "begin", "back")["Status"] == "OK"


@pytest.mark.parametrize("operation", ["load", "commit", "rollback", "prepare"])
def test_without_begin(dw: Client, operation: str) -> None:
    assert call(dw, operation, "never-begun", b"1,a\n")["Status"] == "FAILED"


def test_commit_without_data(dw: Client) -> None:
    call(dw, "begin", "empty")
    answer = call(dw, "commit", "empty")
    assert (answer["Status"], "hasn't send any data yet" in answer["Message"]) == ("INTERNAL_ERROR", True)


def test_bad_columns_abort_and_bad_rows_show_at_commit(dw: Client) -> None:
    call(dw, "begin", "columns")
    assert call(dw, "load", "columns", b"1,a\n", columns="name")["Status"] == "ANALYSIS_ERROR"
    assert call(dw, "commit", "columns")["Status"] == "FAILED"
    call(dw, "begin", "rows")
    assert call(dw, "load", "rows", b"x,a\n")["Status"] == "OK"
    answer = call(dw, "commit", "rows")
    assert (answer["Status"], answer["Message"]) == ("INTERNAL_ERROR", "too many filtered rows")
    assert dw.state("rows") == "ABORTED"


def test_headers_must_stay_the_same(dw: Client) -> None:
    call(dw, "begin", "headers")
    call(dw, "load", "headers", b"1,a\n")
    answer = call(dw, "load", "headers", b"2;b\n", column_separator=";")
    assert (answer["Status"], answer["Message"]) == ("INTERNAL_ERROR", "load request not equal last.")


def test_json_in_several_calls_and_ignored_headers(dw: Client) -> None:
    call(dw, "begin", "json")
    for at in (1, 2):
        body = f'[{{"id": {at}, "name": "n"}}]'.encode()
        assert (
            call(dw, "load", "json", body, format="json", strip_outer_array="true", skip_header="1")["Status"] == "OK"
        )
    assert call(dw, "commit", "json")["NumberLoadedRows"] == 2
