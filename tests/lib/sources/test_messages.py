"""Kafka messages as rows: exact numbers, one row an object, a poison message whole with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.sources._messages import Place, batch, rows

PLACE = Place("trade.history", 3, 42, 1_780_000_000_000)


def test_an_array_is_a_row_an_object_with_its_lineage() -> None:
    made, rejects = rows(b'[{"id": 18446744073709551615}, {"id": 1e3, "x": null, "y": "a\\u00e9"}]', PLACE)
    assert not rejects
    frame = batch(made, rejects).frame
    assert frame["id"].to_list() == ["18446744073709551615", "1e3"]
    assert frame["y"].to_list() == [None, "aé"]
    assert frame["_index"].to_list() == ["0", "1"]
    assert frame["_source"].to_list() == ["trade.history/3@42#0", "trade.history/3@42#1"]
    assert frame["_timestamp"].to_list() == ["1780000000000"] * 2


@pytest.mark.parametrize("value", [b"[]", b"  [ ] "])
def test_an_empty_array_is_no_row(value: bytes) -> None:
    assert rows(value, PLACE) == ([], [])


@pytest.mark.parametrize(
    "value",
    [b"", b"nonsense", b"[1, 2]", b"[[{}]]", b'{"a": 1} {"a": 2}', b"[{},]", b'"text"', b"\xff\xfe", b"[" * 20_000],
)
def test_a_poison_message_is_put_aside_whole(value: bytes) -> None:
    made, (reject,) = rows(value, PLACE)
    assert made == []
    assert (reject.reason, reject.coordinates) == ("json", "trade.history/3@42")
    assert reject.row_text == value.decode("utf-8", "backslashreplace")


def test_a_message_without_a_timestamp_is_put_aside() -> None:
    _, (reject,) = rows(b"[{}]", Place("t", 0, 1, -1))
    assert reject.reason == "timestamp"


_VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), _VALUES)))
def test_every_value_keeps_its_text(objects: list[dict[str, object]]) -> None:
    made, rejects = rows(json.dumps(objects).encode(), PLACE)
    assert not rejects
    for fields, given_fields in zip(made, objects, strict=True):
        for name, value in given_fields.items():
            expected = value if isinstance(value, str) or value is None else json.dumps(value)
            assert fields[name] == expected


@given(st.binary())
def test_any_bytes_are_rows_or_one_reject(value: bytes) -> None:
    made, rejects = rows(value, PLACE)
    assert not (made and rejects)
    assert len(rejects) <= 1
