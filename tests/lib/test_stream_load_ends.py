"""Stream Load against a scripted server: every end that a load can have, and what the client makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lib.errors import Misconfigured, OutcomeUnknown, Refused, Unavailable
from lib.stream_load.load import Body, Loaded, StreamLoad, Unknown
from tests.lib.scripted_starrocks import Cluster, Listener, Play, answer, http
from tests.lib.stream_load_calls import ROWS, load, send

RESET = Play(take=4, reset=True)
LOST = Play(b"")
Environment = Callable[..., None]


# Ends that are certain


def test_publish_timeout_is_waited_for_and_never_sent_again(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Publish Timeout", "publish timeout"))]
    cluster.states = ["COMMITTED", "COMMITTED", "VISIBLE"]
    assert load() == Loaded("l-1", 1003, 3, 3, 0, 0, visible=True)
    assert (len(cluster.loads), cluster.asked) == (1, 3)


def test_committed_but_never_visible_says_so(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Publish Timeout"))]
    cluster.states = ["COMMITTED"]
    assert load(timeout=0.2).visible is False


@pytest.mark.parametrize(
    "counts",
    [{"NumberTotalRows": 2}, {"NumberFilteredRows": 1}, {"NumberUnselectedRows": 1}],
)
def test_counts_that_differ_are_refused(cluster: Cluster, counts: dict[str, Any]) -> None:
    cluster.plays = [Play(answer(**counts))]
    with pytest.raises(Refused, match="committed"):
        load()


def test_bad_rows_are_refused_with_the_servers_reasons(cluster: Cluster) -> None:
    url = f"http://127.0.0.1:{cluster.be.port}/api/_load_error_log?file=error_log_1"
    cluster.plays = [Play(answer("Fail", "too many filtered rows", ErrorURL=url))]
    cluster.states = ["ABORTED"]
    with pytest.raises(Refused) as caught:
        load()
    assert "too many filtered rows: Error: NULL value in non-nullable column 'id'" in caught.value.message
    assert "Row: 1\\x01\\N" in caught.value.message and len(caught.value.message) < 700
    assert "authorization" not in cluster.be.requests[-1].headers
    assert cluster.be.requests[-1].path == "/api/_load_error_log?file=error_log_1"


def test_an_error_url_of_a_strange_host_is_not_fetched(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Fail", "bad", TxnId=-1, ErrorURL="http://evil.example/x"))]
    with pytest.raises(Refused, match=r"bad$"):
        load()


@pytest.mark.parametrize(
    "message",
    [
        "Failed to load data into tablet 1, because of too many versions, current/limit: 1000/1000",
        "Memory limit exceeded",
        "current running txns on db 1 is 1000, larger than limit 1000",
        "Service is shutting down, please retry later!",
        "Stream Load exceed http cuncurrent limit 47, please try again later",
    ],
)
def test_a_failure_that_passes_is_unavailable(cluster: Cluster, message: str) -> None:
    cluster.plays = [Play(answer("Fail", message, TxnId=-1))]
    with pytest.raises(Unavailable, match=message[:20]) as caught:
        load()
    assert caught.value.transient and len(cluster.loads) == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('{"Status": "FAILED", "Message": "class com.starrocks.common.DdlException: No backend alive."}', Unavailable),
        ('{"Status": "FAILED", "Message": "Unknown table fact_trade"}', Refused),
        ('{"status": "FAILED", "code": "1", "msg": "Unknown database dw"}', Refused),
        ('{"Status": "Success"}', Misconfigured),
        ("<html>nginx</html>", Unavailable),
        ("", Unavailable),
    ],
)
def test_a_frontend_that_does_not_redirect(cluster: Cluster, said: str, kind: type[Exception]) -> None:
    cluster.frontend_says = [http(said)]
    with pytest.raises(kind):
        load()
    assert cluster.be.requests == []


def test_a_frontend_with_an_internal_error_is_unavailable(cluster: Cluster) -> None:
    cluster.frontend_says = [http('{"status": "FAILED", "msg": "NullPointerException"}', 500)]
    with pytest.raises(Unavailable, match="NullPointer"):
        load()


DENIED = '{"status":"FAILED","code":"1","msg":"Access denied for loader@127.0.0.1","message":"x"}'


def test_a_refused_login_is_a_setting_that_is_wrong(cluster: Cluster) -> None:
    cluster.frontend_says = [http(DENIED, 401)]
    with pytest.raises(Misconfigured, match="Access denied for loader") as caught:
        load()
    assert "STARROCKS_PASSWORD" in caught.value.hint and len(cluster.fe.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [http("", 401), http(DENIED, 403), answer("Fail", "no valid Basic authorization"), answer("Fail", "Access denied")],
)
def test_a_login_refused_by_the_backend(cluster: Cluster, reply: bytes) -> None:
    cluster.plays = [Play(reply)]
    with pytest.raises(Misconfigured):
        load()
    assert len(cluster.loads) == 1


# Labels


def exists(state: str) -> Play:
    fields = {"TxnId": -1, "ExistingJobStatus": state} if state else {"TxnId": -1}
    return Play(answer("Label Already Exists", "Label [l-1] has already been used.", **fields))


def test_a_finished_label_of_somebody_else_is_refused(cluster: Cluster) -> None:
    cluster.plays = [exists("FINISHED")]
    with pytest.raises(Refused, match="another load"):
        load()


def test_a_finished_label_of_this_call_is_loaded(cluster: Cluster) -> None:
    cluster.plays = [LOST, exists("FINISHED")]
    cluster.states = ["UNKNOWN", "VISIBLE"]
    assert load() == Loaded("l-1", visible=True)


def test_a_running_label_that_is_aborted_is_sent_again(cluster: Cluster) -> None:
    cluster.plays = [exists("RUNNING"), Play(answer())]
    cluster.states = ["PREPARE", "ABORTED"]
    assert load().loaded_rows == 3


def test_a_running_label_of_somebody_else_that_finishes_is_refused(cluster: Cluster) -> None:
    cluster.plays = [exists("RUNNING")]
    cluster.states = ["PREPARED", "VISIBLE"]
    with pytest.raises(Refused, match="another load"):
        load()


def test_a_label_refused_as_a_plain_failure(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Fail", "Label [l-1] has already been used.", TxnId=-1))]
    cluster.states = ["VISIBLE"]
    with pytest.raises(Refused, match="another load"):
        load()


# Ends that are not certain


def test_a_reply_lost_at_any_byte_is_never_taken_for_an_end(cluster: Cluster) -> None:
    reply = answer()
    for kept in range(len(reply)):
        cluster.plays = [Play(reply[:kept])]
        assert isinstance(send(), Unknown), f"{kept} of {len(reply)} bytes"
    assert isinstance(send(), Loaded)


def test_a_reply_lost_at_any_byte_without_a_length_is_never_taken_for_success(cluster: Cluster) -> None:
    text = json.dumps({"Status": "Success", "NumberTotalRows": 3, "TxnId": 7})
    for kept in range(len(text)):
        cluster.plays = [Play(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text[:kept].encode())]
        assert isinstance(send(), Unknown), text[:kept]


@pytest.mark.parametrize(
    "reply",
    [
        http(""),
        http("<html>oops</html>"),
        http("[]"),
        http("null"),
        http('{"TxnId": 1}'),
        http('{"Status": 5}'),
        http('{"Status": "Perhaps"}'),
        http(b"\xff\xfe"),
        http("[" * 100_000),
        http("", 404),
        http("Bad gateway", 502),
        answer("Fail", "call frontend service failed, address=TNetworkAddress(hostname=fe, port=9020)"),
    ],
)
def test_answers_that_say_nothing(cluster: Cluster, reply: bytes) -> None:
    cluster.plays = [Play(reply)]
    assert isinstance(send(), Unknown)


@pytest.mark.parametrize("state", ["VISIBLE", "COMMITTED"])
def test_a_lost_answer_of_a_committed_load_is_loaded_once(cluster: Cluster, state: str) -> None:
    cluster.plays = [LOST]
    cluster.states = ["PREPARE", state, "VISIBLE"]
    assert load() == Loaded("l-1", visible=True)
    assert len(cluster.loads) == 1


@pytest.mark.parametrize("state", ["ABORTED", "UNKNOWN"])
def test_a_body_cut_by_a_reset_is_sent_again_whole(cluster: Cluster, state: str) -> None:
    rows = ROWS * 100_000
    cluster.plays = [RESET, Play(answer())]
    cluster.states = [state]
    load(Body(lambda: iter([rows]), len(rows)))
    first, second = cluster.loads
    assert not first.whole and second.whole and second.body == rows
    assert first.headers["label"] == second.headers["label"]


def test_a_commit_whose_answer_the_backend_lost_is_found(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Fail", "CommitTxn failed", TxnId=8))]
    cluster.states = ["VISIBLE"]
    assert load() == Loaded("l-1", visible=True)


def test_a_failure_before_the_transaction_does_not_trust_the_label(cluster: Cluster) -> None:
    cluster.plays = [Play(answer("Fail", "unknown data format", TxnId=-1))]
    cluster.states = ["VISIBLE"]
    with pytest.raises(Refused, match="unknown data format"):
        load()


def test_answers_that_stay_lost_end_as_unavailable(cluster: Cluster) -> None:
    cluster.plays = [LOST] * 5
    cluster.states = ["UNKNOWN"]
    with pytest.raises(Unavailable, match="sent 3 times, nothing is loaded"):
        load()
    assert len(cluster.loads) == 3


def test_a_label_that_stays_running_is_unknown(cluster: Cluster) -> None:
    cluster.plays = [LOST]
    cluster.states = ["PREPARE"]
    with pytest.raises(OutcomeUnknown) as caught:
        load(timeout=0.3)
    assert "SHOW TRANSACTION WHERE LABEL = 'l-1'" in caught.value.hint
    assert len(cluster.loads) == 1


def test_a_frontend_that_fails_over_meanwhile_is_waited_for(cluster: Cluster) -> None:
    cluster.plays = [LOST]
    cluster.states = ["HTTP/1.1 502 Bad\r\n\r\n", "HTTP", "VISIBLE"]
    assert load() == Loaded("l-1", visible=True)


# The state of a label


def test_a_follower_sends_on_to_the_leader(cluster: Cluster, environment: Environment) -> None:
    leader = cluster.fe
    cluster.states = ["VISIBLE"]
    follower = Listener(lambda request: Play(http("", 307, Location=f"http://leader:{leader.port}{request.path}")))
    environment(STARROCKS_HTTP_PORT=follower.port, STARROCKS_HOST_MAP="leader=127.0.0.1")
    assert StreamLoad.connect().state("dw", "l-1") == "VISIBLE"
    assert leader.requests[0].path == "/api/dw/get_load_state?label=l-1"
    assert leader.requests[0].headers["authorization"] == follower.requests[0].headers["authorization"]
    follower.close()


def test_frontends_that_redirect_in_a_circle(environment: Environment) -> None:
    circle = Listener(lambda _: Play(http("", 307, Location=f"http://127.0.0.1:{circle.port}/")))
    environment(STARROCKS_HTTP_PORT=circle.port)
    with pytest.raises(Unavailable, match="circle"):
        StreamLoad.connect().state("dw", "l-1")
    circle.close()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (http('{"status": "FAILED", "msg": "unknown database, database=dw"}'), Refused),
        (http('{"status": "FAILED", "msg": "current node is not leader"}'), Unavailable),
        (http('{"state": "SOON", "status": ""}'), Unavailable),
        (http("<html>"), Unavailable),
        (http("", 401), Misconfigured),
    ],
)
def test_states_that_are_none(cluster: Cluster, reply: bytes, kind: type[Exception]) -> None:
    cluster.states = [reply.decode()]
    with pytest.raises(kind):
        StreamLoad.connect().state("dw", "l-1")
