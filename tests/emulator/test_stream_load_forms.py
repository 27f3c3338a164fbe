"""A body that DuckDB reads as it came gives the rows that the canonical form gives."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.server import Server
from emulator.stream_load.load import Request, StreamLoad
from tests.emulator.loading import Client, client

counter = itertools.count(1)
CHECK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELD = st.text('ab1,"\n\\N .-_:', max_size=6)
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["1.5", "1_000", "0x10", "2026-01-02", "2026-01-02 03:04:05.123456", " 7 ", "a:true", "é\n", ""]),
    st.lists(st.integers(0, 3), max_size=2),
)


@pytest.fixture(scope="module")
def dw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    data = Path(tmp_path_factory.mktemp("data"))
    with Server(data=data, async_delay_ms=0) as server, client(server) as found:
        found.sql("create table texts (a varchar(20), b varchar(20)) duplicate key (a) distributed by hash (a)")
        found.sql(
            "create table numbers (k bigint, s tinyint, d date, m datetime, b boolean, g largeint) duplicate key (k)"
            " distributed by hash (k)"
        )
        found.sql("create table mixed (k bigint, v varchar(40), x decimal(20, 5)) duplicate key (k)")
        found.server = server  # type: ignore[attr-defined]
        yield found


def outcome(dw: Client, table: str, body: bytes, natively: bool, **headers: str) -> tuple[Any, ...]:
    """(numbers of the answer, rows) of a load that is not committed, read in one form or the other."""
    server: Server = dw.server  # type: ignore[attr-defined]
    given = {"label": f"form{next(counter)}", "max_filter_ratio": "1", **headers}
    load = StreamLoad(server.engine, server.transactions, Request("dw", table, given, "root", ""))
    try:
        load.begin()
        load.receive([body])
        assert load._body is not None
        if not natively:
            load._body.native = None
        rows = load.cursor.execute(f"select * from {load.stage()}").fetchall()
        numbers = {name: value for name, value in load.counts.numbers(False).items() if name.startswith("Number")}
        return numbers, rows, load.counts.errors
    except Exception as error:
        return (type(error).__name__, str(error)[:200])
    finally:
        load.close()
        if load.txn is not None:
            server.transactions.abort(load.txn, "a test")


@CHECK
@given(st.lists(st.tuples(FIELD, FIELD, st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_enclosed_fields(dw: Client, rows: list[tuple[str, str, bool, bool]]) -> None:
    def written(text: str, enclosed: bool) -> str:
        return '"' + text.replace('"', '""') + '"' if enclosed or set(text) & set(',"\n') else text

    body = "".join(f"{written(a, quote_a)},{written(b, quote_b)}\n" for a, b, quote_a, quote_b in rows).encode()
    headers = {"column_separator": ",", "enclose": '"'}
    assert outcome(dw, "texts", body, True, **headers) == outcome(dw, "texts", body, False, **headers)


@CHECK
@given(st.text('ab,"\n', max_size=20))
def test_anything_between_quotes(dw: Client, text: str) -> None:
    headers = {"column_separator": ",", "enclose": '"'}
    body = text.encode()
    assert outcome(dw, "texts", body, True, **headers) == outcome(dw, "texts", body, False, **headers)


@CHECK
@given(st.lists(st.dictionaries(st.sampled_from(["k", "s", "d", "m", "b", "g", "K"]), VALUE), min_size=1, max_size=4))
def test_json_into_numbers_and_times(dw: Client, rows: list[dict[str, Any]]) -> None:
    body = json.dumps(rows).encode()
    headers = {"format": "json", "strip_outer_array": "true"}
    assert outcome(dw, "numbers", body, True, **headers) == outcome(dw, "numbers", body, False, **headers)


@CHECK
@given(st.lists(st.dictionaries(st.sampled_from(["k", "v", "x"]), VALUE), min_size=1, max_size=4))
def test_json_lines_into_texts_and_decimals(dw: Client, rows: list[dict[str, Any]]) -> None:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    assert outcome(dw, "mixed", body, True, format="json") == outcome(dw, "mixed", body, False, format="json")


def test_the_usual_bodies_are_read_as_they_came(dw: Client) -> None:
    server: Server = dw.server  # type: ignore[attr-defined]

    def is_native(table: str, body: bytes, **headers: str) -> bool:
        load = StreamLoad(server.engine, server.transactions, Request("dw", table, headers, "root", ""))
        load.begin()
        load.receive([body])
        assert load._body is not None
        found = load._body.native is not None
        load.close()
        return found

    assert is_native("texts", b'"a","b ""c"""\n', column_separator=",", enclose='"')
    assert not is_native("texts", b'"a",b"c\n', column_separator=",", enclose='"')
    assert is_native("numbers", b'[{"k": 1, "m": "2026-01-02 03:04:05.5"}]', format="json", strip_outer_array="true")
    assert is_native("mixed", b'{"k": 1, "v": "a", "x": "1.50"}\n{"k": 2}', format="json")
    assert not is_native("mixed", b'{"k": 1, "v": 1.50}', format="json")
