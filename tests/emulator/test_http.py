"""The two HTTP ports: authentication, redirect, handshake, health, faults."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from emulator.server import Server
from tests.emulator.loading import AUTH, BASIC, Client, client, raw

CONTINUE = {"Expect": "100-continue"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(data=Path(tmp_path_factory.mktemp("data")), async_delay_ms=0, faults=True) as running:
        yield running


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop table if exists t")
        found.sql("create table t (id bigint, name varchar(5)) duplicate key (id) distributed by hash(id)")
        yield found


def request(path: str, *headers: str, method: str = "PUT", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: x", f"Authorization: {BASIC}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


LOAD = "/api/dw/t/_stream_load"


def test_the_fe_redirects_to_the_be_and_closes(dw: Client) -> None:
    answer = requests.put(dw.fe + LOAD + "?x=1", headers=CONTINUE, auth=AUTH, allow_redirects=False, timeout=10)
    assert answer.status_code == 307
    assert answer.headers["Location"] == dw.be + LOAD + "?x=1"
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("auth", [None, ("root", "wrong"), ("nobody", "")])
def test_wrong_credentials_are_401_with_lower_case_keys(dw: Client, auth: tuple[str, str] | None) -> None:
    answer = requests.put(dw.fe + LOAD, headers=CONTINUE, auth=auth, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm=""')
    body = answer.json()
    assert set(body) == {"status", "code", "msg", "message"}
    assert (body["status"], body["code"]) == ("FAILED", "1")


def test_the_fe_wants_expect_on_http_1_1_only(dw: Client) -> None:
    answer = requests.put(dw.fe + LOAD, auth=AUTH, data=b"1,a", allow_redirects=False, timeout=10)
    assert answer.status_code == 200
    assert answer.json() == {
        "Status": "FAILED",
        "Message": "class com.starrocks.common.DdlException: There is no 100-continue header",
    }
    port = int(dw.fe.rsplit(":", 1)[1])
    assert b" 307 " in raw(port, request(LOAD, version="1.0"))


def test_the_be_wants_the_credentials_again(dw: Client) -> None:
    answer = requests.put(dw.be + LOAD, headers=CONTINUE, data=b"1\ta\n", timeout=10).json()
    assert (answer["Status"], answer["Message"]) == ("Fail", "no valid Basic authorization")
    answer = requests.put(dw.be + LOAD, headers=CONTINUE, data=b"1\ta\n", auth=("root", "x"), timeout=10).json()
    assert answer["Message"].startswith("Access denied for root")
    assert dw.sql("select * from t") == []


def test_the_be_says_continue_before_it_reads_and_not_when_it_refuses(dw: Client) -> None:
    port = int(dw.be.rsplit(":", 1)[1])
    head = request(LOAD, "Expect: 100-continue", "Content-Length: 4")
    answered = raw(port, head, b"1\ta\n", until=b"100 Continue\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 100 Continue")
    assert b'"Status": "Success"' in answered
    refused = raw(port, request(LOAD, "Expect: 100-continue", "Content-Length: 4", "format: orc"))
    assert refused.startswith(b"HTTP/1.1 200")
    assert b"unknown data format" in refused


def test_a_body_in_chunks(dw: Client) -> None:
    answer = dw.load("t", iter([b"1\ta\n2", b"\tb\n", b"3\tc"]))
    assert (answer["Status"], answer["NumberLoadedRows"]) == ("Success", 3)


def test_a_body_that_ends_early_loads_nothing(dw: Client) -> None:
    port = int(dw.be.rsplit(":", 1)[1])
    answered = raw(port, request(LOAD, "label: short", "Content-Length: 100"), b"1\ta\n")
    assert b"receive body don't equal with body bytes" in answered
    assert dw.sql("select * from t") == []
    assert dw.state("short") == "ABORTED"


def test_a_connection_takes_several_loads(dw: Client) -> None:
    with requests.Session() as session:
        for at in range(3):
            body = f"{at}\ta\n".encode()
            assert (
                session.put(dw.be + LOAD, headers=CONTINUE, auth=AUTH, data=body, timeout=10).json()["Status"]
                == "Success"
            )
    assert dw.sql("select count(*) from t") == [(3,)]


def test_json_of_more_than_100_mb_is_refused_by_its_length(dw: Client) -> None:
    port = int(dw.be.rsplit(":", 1)[1])
    head = request(LOAD, "Expect: 100-continue", "format: json", "Content-Length: 104857601")
    assert b"The size of this batch exceed the max size [104857600]" in raw(port, head)


def test_health_and_bootstrap_need_no_credentials(dw: Client) -> None:
    assert requests.get(dw.fe + "/api/health", timeout=10).json() == {
        "online_backend_num": 1,
        "total_backend_num": 1,
        "status": "OK",
    }
    assert requests.get(dw.fe + "/api/bootstrap", timeout=10).json()["status"] == "OK"
    assert requests.get(dw.be + "/api/health", timeout=10).json() == {"status": "OK", "msg": "To Be Added"}


def test_what_is_not_there_is_refused_by_name(dw: Client) -> None:
    answer = requests.get(dw.fe + "/api/query_detail", auth=AUTH, timeout=10)
    assert answer.status_code == 404
    assert answer.json()["msg"] == "/api/query_detail is not supported by the embedded server"
    assert requests.get(dw.fe + LOAD, auth=AUTH, timeout=10).status_code == 405


def test_the_state_of_a_label_needs_a_label_and_a_database(dw: Client) -> None:
    def state(db: str, **parameters: str) -> str:
        answer = requests.get(f"{dw.fe}/api/{db}/get_load_state", params=parameters, auth=AUTH, timeout=10).json()
        return f"{answer['status']} {answer['msg']} {answer.get('state', '')}".strip()

    assert state("dw", label="none") == "OK Success UNKNOWN"
    assert state("dw") == "FAILED No label selected."
    assert state("nodb", label="x") == "FAILED unknown database, database=nodb"


def test_cancel_ends_a_running_load(dw: Client) -> None:
    port = int(dw.be.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request(LOAD, "label: slow", "Content-Length: 8") + b"1\ta\n")
        deadline = time.monotonic() + 10
        while dw.state("slow") != "PREPARE" and time.monotonic() < deadline:
            time.sleep(0.01)
        busy = dw.load("t", b"1\ta\n", label="slow")
        assert (busy["Status"], busy["ExistingJobStatus"]) == ("Label Already Exists", "RUNNING")
        answer = requests.post(dw.fe + "/api/dw/t/_cancel", params={"label": "slow"}, auth=AUTH, timeout=10).json()
        assert answer["status"] == "OK"
        connection.sendall(b"2\tb\n")
        assert b"user cancel" in connection.recv(65536)
    assert dw.sql("select * from t") == []
    again = requests.post(dw.fe + "/api/dw/t/_cancel", params={"label": "slow"}, auth=AUTH, timeout=10).json()
    assert again["status"] == "FAILED"


def test_garbage_harms_nobody_else(dw: Client) -> None:
    for url in (dw.fe, dw.be):
        raw(int(url.rsplit(":", 1)[1]), b"\x00\x01 garbage \xff\r\n\r\n")
        raw(int(url.rsplit(":", 1)[1]), b"PUT /api/dw/t/_stream_load HTTP/1.1\r\nContent-Len")
    assert dw.load("t", b"1\ta\n")["Status"] == "Success"


def ask_for(dw: Client, **faults: object) -> requests.Response:
    return requests.post(dw.fe + "/api/_faults", data=json.dumps(faults), timeout=10)


def test_a_lost_reply_is_a_committed_load(dw: Client) -> None:
    assert ask_for(dw, lose_reply_after_commit=1).json()["status"] == "OK"
    with pytest.raises(requests.ConnectionError):
        dw.load("t", b"1\ta\n", label="lost")
    assert dw.state("lost") == "VISIBLE"
    assert dw.load("t", b"1\ta\n", label="lost")["ExistingJobStatus"] == "FINISHED"
    assert dw.sql("select count(*) from t") == [(1,)]


def test_a_failure_and_a_strange_redirect_can_be_asked_for(dw: Client) -> None:
    ask_for(dw, fail_next=["stream_load"])
    assert dw.load("t", b"1\ta\n", label="fails")["Status"] == "Fail"
    assert dw.load("t", b"1\ta\n", label="fails")["Status"] == "Success"
    ask_for(dw, redirect_to="example.invalid:1")
    answer = requests.put(dw.fe + LOAD, headers=CONTINUE, auth=AUTH, allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == "http://example.invalid:1" + LOAD
    ask_for(dw, redirect_to="")
    assert ask_for(dw, explode=1).json()["msg"].startswith("unknown fault explode; there are backend_gone, disk_full")


def test_faults_are_off_by_default(tmp_path: Path) -> None:
    with Server(data=tmp_path, async_delay_ms=0) as server, client(server) as dw:
        assert ask_for(dw, lose_reply_after_commit=1).status_code == 404
