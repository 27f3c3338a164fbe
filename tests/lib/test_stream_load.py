"""Stream Load against a scripted server: what is sent, where it may go, and what the parser makes of answers."""

from __future__ import annotations

import base64
import json
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import Misconfigured, Unavailable
from lib.settings import settings
from lib.stream_load.answer import outcome
from lib.stream_load.load import Body, Loaded, NotDone, Unknown
from tests.lib.scripted_starrocks import Cluster
from tests.lib.stream_load_calls import BODY, ROWS, load

Environment = Callable[..., None]


# The request


def test_the_frontend_gets_headers_and_the_backend_gets_the_body(cluster: Cluster) -> None:
    assert load() == Loaded("l-1", 1003, 3, 3, 0, 0, visible=True)
    (knock,), (sent,) = cluster.fe.requests, cluster.loads
    assert knock.path == sent.path == "/api/dw/fact_trade/_stream_load"
    assert (knock.body, knock.headers["content-length"]) == (b"", "0")
    assert (sent.body, sent.headers["content-length"]) == (ROWS, str(len(ROWS)))
    login = "Basic " + base64.b64encode("loader:pä:ss".encode()).decode()
    expected = {
        "authorization": login,
        "expect": "100-continue",
        "label": "l-1",
        "columns": "id, name",
        "format": "csv",
        "column_separator": "\\x01",
        "row_delimiter": "\\x02",
        "strict_mode": "true",
        "max_filter_ratio": "0",
        "timezone": "UTC",
        "timeout": "5",
    }
    for request in (knock, sent):
        assert {name: request.headers.get(name) for name in expected} == expected


def test_a_file_is_streamed_with_its_length(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(ROWS * 50_000)
    load(Body(path))
    assert cluster.loads[0].headers["content-length"] == str(12 * 50_000)
    assert cluster.loads[0].body == ROWS * 50_000


def test_chunks_without_a_length_are_sent_chunked(cluster: Cluster) -> None:
    load(Body(lambda: (ROWS for _ in range(20_000))))
    assert cluster.loads[0].headers["transfer-encoding"] == "chunked"
    assert cluster.loads[0].body == ROWS * 20_000


def test_a_large_body_takes_little_memory(cluster: Cluster) -> None:
    piece = bytes(1 << 20)
    cluster.be.keep = False
    tracemalloc.start()
    load(Body(lambda: (piece for _ in range(64)), 64 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cluster.loads[0].size == 64 << 20
    assert peak < 8 << 20


def test_options_are_sent_and_the_fixed_ones_refused(cluster: Cluster) -> None:
    load(options={"format": "json", "strip_outer_array": "true"})
    assert cluster.loads[0].headers["format"] == "json"
    with pytest.raises(ValueError, match="Strict_Mode"):
        load(options={"Strict_Mode": "false"})


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "a b"},
        {"label": "x" * 129},
        {"label": "lä"},
        {"columns": "a\r\nwhere: 1=1"},
        {"columns": "größe"},
        {"options": {"jsonpaths": "\x00"}},
        {"options": {"a\nb": "c"}},
        {"body": Body(lambda: iter([]), 0)},
    ],
)
def test_what_http_cannot_carry_is_not_sent(cluster: Cluster, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        load(**changes)
    assert cluster.fe.requests == []


def test_proxies_and_netrc_of_the_environment_are_not_used(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    load()
    login = base64.b64decode(cluster.loads[0].headers["authorization"].split()[1])
    assert login == "loader:pä:ss".encode()


# Where it may go


def test_a_strange_host_gets_no_password(cluster: Cluster) -> None:
    cluster.location = f"http://evil.example:{cluster.be.port}/api/dw/fact_trade/_stream_load"
    with pytest.raises(Misconfigured, match=r"evil\.example") as caught:
        load(known_hosts=lambda: {"be-0"})
    assert "STARROCKS_HOST_MAP=evil.example=" in caught.value.hint
    assert cluster.be.requests == []


def test_a_mapped_host_is_used(cluster: Cluster, environment: Environment) -> None:
    cluster.location = f"http://be-0:{cluster.be.port}/elsewhere?x=1"
    environment(STARROCKS_HOST_MAP="be-0=127.0.0.1")
    load()
    assert cluster.loads[0].path == "/api/dw/fact_trade/_stream_load"


def test_a_backend_of_the_cluster_is_used(cluster: Cluster) -> None:
    cluster.location = f"http://127.0.0.2:{cluster.be.port}/"
    with pytest.raises(Unavailable, match=r"127\.0\.0\.2"):
        load(known_hosts=lambda: {"127.0.0.2"})


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://127.0.0.1:8040/x", "this machine"),
        ("http://[::1]:8040/x", "this machine"),
        ("http://user:pw@other:8040/x", "none of its backends"),
        ("http://fe.example@other:8040/x", "none of its backends"),
        ("ftp://fe.example/x", "no address"),
        ("http://fe.example:port/x", "no address"),
        ("//[", "no address"),
    ],
)
def test_redirects_that_are_refused(environment: Environment, location: str, expected: str) -> None:
    from lib.stream_load.http import Wire

    environment(STARROCKS_HOST="fe.example")
    with pytest.raises(Misconfigured, match=expected):
        Wire(settings(), lambda: {"127.0.0.1", "be-1"}).reachable(location)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://FE.example:8040/x", "http://fe.example:8040"),
        ("http://be-1:8040/x?y", "http://be-1:8040"),
        ("http://be-2:8040/x", "http://10.0.0.7:8040"),
        ("http://be-3:8040/x", "http://10.0.0.7:18040"),
        ("http://[fd00::1]:8040/x", "http://[fd00::1]:8040"),
    ],
)
def test_redirects_that_are_followed(environment: Environment, location: str, expected: str) -> None:
    from lib.stream_load.http import Wire

    environment(STARROCKS_HOST="fe.example", STARROCKS_HOST_MAP="be-2=10.0.0.7, be-3=10.0.0.7:18040")
    assert Wire(settings(), lambda: {"BE-1", "fd00::1"}).reachable(location) == expected


# Connections and bodies


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_no_frontend(environment: Environment) -> None:
    environment(STARROCKS_HTTP_PORT=closed_port())
    with pytest.raises(Unavailable, match="frontend 127") as caught:
        load()
    assert "STARROCKS_HTTP_PORT" in caught.value.hint


def test_no_backend(cluster: Cluster) -> None:
    cluster.location = f"http://127.0.0.1:{closed_port()}/"
    with pytest.raises(Unavailable, match="backend 127"):
        load()


@pytest.mark.usefixtures("cluster")
def test_what_the_producer_raises_is_not_taken_for_the_network() -> None:
    def broken() -> Iterator[bytes]:
        yield ROWS
        raise OSError("disk read error")

    with pytest.raises(OSError, match="disk read error"):
        load(Body(broken))
    with pytest.raises(OSError, match="disk read error"):
        load(Body(broken, 1000))


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("length", [len(ROWS) - 1, len(ROWS) + 1])
def test_a_body_of_another_length_than_promised_is_not_completed(length: int) -> None:
    with pytest.raises(ValueError, match="promised"):
        load(replace(BODY, length=length))


# The parser

KEYS = ["Status", "status", "Message", "msg", "TxnId", "NumberTotalRows", "ExistingJobStatus", "ErrorURL", "state"]
STATUSES = ["Success", "OK", "Fail", "FAILED", "Publish Timeout", "Label Already Exists"]
VALUES = st.one_of(st.sampled_from(STATUSES), st.none(), st.text(), st.integers(), st.floats(), st.lists(st.integers()))


@given(st.integers(100, 599), st.binary())
def test_no_bytes_break_the_parser(code: int, text: bytes) -> None:
    assert isinstance(outcome("l", code, text), Loaded | NotDone | Unknown)


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_only_a_status_of_success_is_loaded(code: int, fields: dict[str, Any]) -> None:
    found = outcome("l", code, json.dumps(fields).encode())
    status = fields.get("Status") or fields.get("status")
    if isinstance(found, Loaded):
        assert str(status).strip().lower() in ("success", "ok", "publish timeout")
    elif isinstance(found, NotDone):
        assert str(status).strip().lower() in ("fail", "failed", "label already exists") or "already" in found.reason
