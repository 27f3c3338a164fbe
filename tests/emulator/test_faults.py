"""Every fault of docs/emulator.md, asked for at the admin door and met by a client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
import requests

from emulator.server import Server
from tests.emulator.loading import AUTH, Client, client, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = Path(tmp_path_factory.mktemp("data"))
    with Server(data=data, async_delay_ms=0, faults=True) as running:
        yield running


@pytest.fixture
def dw(server: Server) -> Iterator[Client]:
    with client(server) as found:
        found.sql("drop table if exists t")
        found.sql("create table t (id bigint not null, v int) primary key (id) distributed by hash(id)")
        yield found
        requests.delete(found.fe + "/api/_faults", timeout=10)


def ask_for(dw: Client, **faults: object) -> dict[str, Any]:
    answer = requests.post(dw.fe + "/api/_faults", data=json.dumps(faults), timeout=10).json()
    assert answer["status"] == "OK", answer
    return dict(answer["faults"])


def refused(dw: Client, sql: str) -> tuple[int, str]:
    with pytest.raises(pymysql.Error) as error:
        dw.sql(sql)
    return error.value.args[0], error.value.args[1]


def load(dw: Client, label: str, **headers: str) -> dict[str, Any]:
    return dw.load("t", b"1,1\n", label=label, column_separator=",", **headers)


def test_faults_are_shown_and_cleared(dw: Client) -> None:
    assert ask_for(dw, slow=0.01, too_many_versions=2)["too_many_versions"] == 2
    requests.delete(dw.fe + "/api/_faults", timeout=10)
    shown = requests.get(dw.fe + "/api/_faults", timeout=10).json()["faults"]
    assert not any(shown.values())
    wrong = requests.post(dw.fe + "/api/_faults", data='{"slow": "very"}', timeout=10).json()
    assert wrong["msg"] == "fault slow: 'very' is no float"


def test_a_lost_reply_of_a_statement_that_committed(dw: Client, server: Server) -> None:
    ask_for(dw, lose_sql_reply_after_commit=1)
    with client(server) as other, pytest.raises(pymysql.err.OperationalError) as lost:
        other.sql("insert into t with label sql_lost values (1, 1)")
    assert lost.value.args[0] == 2013
    assert dw.state("sql_lost") == "VISIBLE"
    assert dw.sql("select id from t") == [(1,)]


def test_publishing_is_late(dw: Client) -> None:
    ask_for(dw, publish_delay=1.5)
    answer = load(dw, "late", timeout="1")
    assert answer["Status"] == "Publish Timeout"
    assert answer["Message"].startswith("Publish timeout. The data will be visible after a while")
    assert dw.state("late") == "COMMITTED"
    assert dw.sql("select count(*) from t") == [(0,)]
    assert load(dw, "late")["ExistingJobStatus"] == "FINISHED"
    assert wait_for(lambda: dw.state("late"), lambda state: state == "VISIBLE") == "VISIBLE"
    assert dw.sql("select id, v from t") == [(1, 1)]


def test_publishing_is_late_for_an_explicit_transaction(dw: Client) -> None:
    ask_for(dw, publish_delay=1.5)
    dw.sql("set query_timeout = 1")
    dw.sql("begin with label late_sql")
    dw.sql("insert into t values (5, 5)")
    with dw.connection.cursor() as cursor:
        cursor.execute("commit")
        text = (dw.connection._result.message or b"").decode()
    assert "'status':'COMMITTED'" in text
    assert "'err':'Publish timeout" in text
    dw.sql("set query_timeout = 300")
    assert wait_for(lambda: dw.state("late_sql"), lambda state: state == "VISIBLE") == "VISIBLE"
    assert dw.sql("select id from t") == [(5,)]


def test_what_is_committed_is_published_after_a_restart(tmp_path: Path) -> None:
    with Server(data=tmp_path, async_delay_ms=0, faults=True) as first, client(first) as dw:
        dw.sql("create table t (id bigint not null, v int) primary key (id) distributed by hash(id)")
        ask_for(dw, publish_delay=60)
        assert load(dw, "half", timeout="1")["Status"] == "Publish Timeout"
    with Server(data=tmp_path, async_delay_ms=0) as second, client(second) as dw:
        assert dw.state("half") == "VISIBLE"
        assert dw.sql("select id from t") == [(1,)]


def test_what_is_committed_is_forgotten_with_its_table(tmp_path: Path) -> None:
    with Server(data=tmp_path, async_delay_ms=0, faults=True) as first, client(first) as dw:
        dw.sql("create table t (id bigint not null, v int) primary key (id) distributed by hash(id)")
        ask_for(dw, publish_delay=60)
        assert load(dw, "half", timeout="1")["Status"] == "Publish Timeout"
        dw.sql("drop table t force")
    with Server(data=tmp_path, async_delay_ms=0) as second, client(second) as dw:
        assert dw.state("half") == "VISIBLE"


def test_a_failover_loses_open_transactions(dw: Client) -> None:
    dw.sql("begin with label open_one")
    dw.sql("insert into t values (1, 1)")
    ask_for(dw, failover=True)
    assert refused(dw, "commit") == (1064, "Transaction state not found, possibly lost due to FE leader switch")
    assert dw.sql("select count(*) from t") == [(0,)]
    dw.sql("begin with label open_one")
    dw.sql("insert into t values (2, 2)")
    dw.sql("commit")
    assert dw.sql("select id from t") == [(2,)]


def test_an_explicit_transaction_that_lasts_too_long(dw: Client) -> None:
    dw.sql("set query_timeout = 1")
    dw.sql("begin with label too_long")
    dw.sql("insert into t values (1, 1)")
    dw.sql("set query_timeout = 300")
    assert wait_for(lambda: dw.state("too_long"), lambda state: state == "ABORTED") == "ABORTED"
    assert refused(dw, "commit") == (1064, "Transaction state not found, possibly lost due to FE leader switch")
    assert dw.sql("select count(*) from t") == [(0,)]


def test_labels_are_forgotten(dw: Client) -> None:
    load(dw, "gone")
    assert dw.state("gone") == "VISIBLE"
    ask_for(dw, forget_labels=True)
    assert dw.state("gone") == "UNKNOWN"
    assert load(dw, "gone")["Status"] == "Success"


def test_the_be_is_gone(dw: Client) -> None:
    ask_for(dw, backend_gone=True)
    answer = load(dw, "nobody")
    assert (answer["Status"], answer["Message"].endswith("No backend alive.")) == ("FAILED", True)
    headers = {"db": "dw", "table": "t", "label": "nobody"}
    begun = requests.post(dw.fe + "/api/transaction/begin", headers=headers, auth=AUTH, timeout=10).json()
    assert begun["Message"].endswith("No backend alive.")
    with pytest.raises(requests.ConnectionError):
        requests.get(dw.be + "/api/health", timeout=10)
    assert refused(dw, "select * from t") == (1064, "Backend node not found. Check if any backend node is down.")
    assert dw.named("show backends")[0]["Alive"] == "false"
    ask_for(dw, backend_gone=False)
    assert load(dw, "nobody")["Status"] == "Success"


def test_too_many_versions(dw: Client) -> None:
    ask_for(dw, too_many_versions=2)
    answer = load(dw, "versions")
    assert (answer["Status"], "because of too many versions" in answer["Message"]) == ("Fail", True)
    assert "because of too many versions" in refused(dw, "insert into t values (1, 1)")[1]
    assert dw.state("versions") == "ABORTED"
    assert load(dw, "versions")["Status"] == "Success"


def test_no_memory_is_left(dw: Client) -> None:
    ask_for(dw, memory_exceeded=2)
    assert refused(dw, "select * from t")[1].startswith("Memory of process exceed limit.")
    assert load(dw, "memory")["Message"].startswith("Memory of process exceed limit.")
    assert dw.sql("select count(*) from t") == [(0,)]


def test_answers_are_slow(dw: Client) -> None:
    ask_for(dw, slow=0.3)
    start = time.monotonic()
    dw.sql("select 1")
    assert time.monotonic() - start >= 0.3
    start = time.monotonic()
    dw.state("any")
    assert time.monotonic() - start >= 0.3


def test_a_job_of_routine_load_is_put_into_pause(dw: Client) -> None:
    dw.sql('create routine load j on t from kafka ("kafka_broker_list" = "127.0.0.1:9092", "kafka_topic" = "x")')
    ask_for(dw, pause_routine_load={"job": "dw.j", "reason": "current error rows is more than max error num"})
    (shown,) = dw.named("show routine load for j")
    wanted = "ErrorReason{errCode = 102, msg='current error rows is more than max error num'}"
    assert (shown["State"], shown["ReasonOfStateChanged"]) == ("PAUSED", wanted)
    dw.sql("resume routine load for j")
    assert dw.named("show routine load where name = 'j'")[0]["State"] == "RUNNING"
    dw.sql("stop routine load for j")
    assert dw.named("show all routine load")[-1]["State"] == "STOPPED"
    assert dw.sql("show routine load task from dw") == []


def test_a_full_disk_is_an_error_for_who_writes(dw: Client, server: Server) -> None:
    dw.sql("insert into t values (1, 1)")
    ask_for(dw, disk_full=2)
    assert "No space left on device" in refused(dw, "insert into t values (2, 2)")[1]
    assert "No space left on device" in load(dw, "full")["Message"]
    with client(server) as other:
        assert other.sql("select id from t") == [(1,)]
        other.sql("insert into t values (3, 3)")
    assert dw.sql("select id from t order by id") == [(1,), (3,)]
