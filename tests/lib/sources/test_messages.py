"""Kafka messages as rows: exact numbers, one row an object, a poison message whole with its place."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reading import Batch
from lib.sources import _exact_messages, _messages
from lib.sources._records import Fields, Place, Record
from lib.sources._typed_messages import Decoder

PLACE = Place("trade.history", 3)
FIELDS = Fields(("id", "seq", "note"), {"id": "largeint", "seq": "int", "note": "varchar"})
AT = 1_780_000_000_000


def read(*values: bytes, at: int = AT, fields: Fields = FIELDS) -> Batch:
    """The values as one batch, from offset 42 on."""
    records = [Record(42 + number, at, raw) for number, raw in enumerate(values)]
    (batch,) = _messages.batches([records], PLACE, fields)
    return batch


def test_an_array_is_a_row_an_object_with_its_lineage() -> None:
    batch = read(b'[{"id": 18446744073709551615}, {"id": 1, "x": null, "note": "a\\u00e9"}]', b"[]", b'{"seq": -7}')
    assert not batch.rejects
    assert batch.frame.schema["id"] == pl.UInt64
    rows = batch.frame.select("id", "seq", "note").rows()
    assert rows == [(2**64 - 1, None, None), (1, None, "aé"), (None, -7, None)]
    assert batch.frame["_index"].to_list() == [0, 1, 0]
    assert batch.frame["_source"].to_list() == [f"trade.history/3@{place}" for place in ("42#0", "42#1", "44#0")]
    assert batch.frame["_timestamp"].to_list() == [AT] * 3
    assert batch.frame["_partition"].to_list() == [3] * 3


def test_what_does_not_fit_its_type_keeps_its_text_for_the_parser() -> None:
    batch = read(b'[{"id": 1e3}, {"id": 36893488147419103232, "seq": "5", "note": 12.50}]')
    assert batch.frame.select("id", "seq", "note").rows() == [
        ("1e3", None, None),
        ("36893488147419103232", "5", "12.50"),
    ]


@pytest.mark.parametrize("value", [b"[]", b"  [ ] "])
def test_an_empty_array_is_no_row(value: bytes) -> None:
    batch = read(value)
    assert (batch.frame.height, batch.rejects) == (0, [])


@pytest.mark.parametrize(
    "value",
    [b"", b"nonsense", b"[1, 2]", b"[[{}]]", b'{"a": 1} {"a": 2}', b"[{},]", b'"text"', b"\xff\xfe", b"[" * 20_000],
)
def test_a_poison_message_is_put_aside_whole(value: bytes) -> None:
    batch = read(value)
    (reject,) = batch.rejects
    assert batch.frame.is_empty()
    assert (reject.reason, reject.coordinates) == ("json", "trade.history/3@42")
    assert reject.row_text == value.decode("utf-8", "backslashreplace")


def test_an_object_of_another_kind_is_put_aside_with_all_its_fields() -> None:
    (reject,) = read(b'[{"id": 1}, {"kind": "heartbeat", "at": 5}]').rejects
    assert (reject.reason, reject.coordinates) == ("fields", "trade.history/3@42#1")
    assert json.loads(reject.row_text) == {"kind": "heartbeat", "at": 5}


def test_a_message_without_a_timestamp_is_put_aside() -> None:
    (reject,) = read(b'[{"id": 1}]', at=-1).rejects
    assert reject.reason == "timestamp"


def test_a_million_objects_come_in_batches_of_bounded_size() -> None:
    objects = 1_000_000
    record = Record(7, AT, b"[" + b",".join(b'{"id":%d}' % number for number in range(objects)) + b"]")
    indexes, largest = 0, 0
    for batch in _messages.batches([[record]], PLACE, FIELDS):
        assert batch.frame["_index"][0] == indexes == batch.frame["id"][0]
        indexes += batch.frame.height
        largest = max(largest, batch.frame.height)
    assert indexes == objects
    assert largest < 250_000


def test_a_long_array_with_one_thing_wrong_is_put_aside_whole() -> None:
    good = b",".join(b'{"id":%d}' % number for number in range(50_000))
    for wrong in (b"5", b'{"id": "\\ud800"}', b'{"id" 1}'):
        batch = read(b"[" + good + b"," + wrong + b"]")
        (reject,) = batch.rejects
        assert (batch.frame.height, reject.reason, reject.coordinates) == (0, "json", "trade.history/3@42")


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(0, 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
    | st.lists(st.integers(), max_size=2)
)
_OBJECTS = st.dictionaries(st.sampled_from(["id", "seq", "note", "other", "_offset"]), _VALUES)
_SOUND = st.fixed_dictionaries({"id": st.integers(0, 2**64 - 1)}, optional={"seq": st.integers(-9, 9), "note": _TEXTS})
_MESSAGES = st.lists(_SOUND | _OBJECTS) | _OBJECTS | st.lists(_SOUND)


@given(st.lists(_OBJECTS))
def test_every_value_keeps_its_text(objects: list[dict[str, object]]) -> None:
    batch = _exact_messages.batch([Record(1, AT, json.dumps(objects).encode())], PLACE, FIELDS)
    known = [given_ for given_ in objects if any(given_.get(name) is not None for name in FIELDS.names)]
    assert len(batch.rejects) == len(objects) - len(known)
    for row, fields in zip(batch.frame.iter_rows(named=True), known, strict=True):
        for name in FIELDS.names:
            value = fields.get(name)
            assert row[name] == (value if isinstance(value, str) or value is None else json.dumps(value))


@settings(max_examples=300)
@given(st.lists(_MESSAGES, min_size=1, max_size=4))
def test_what_the_typed_reader_takes_is_what_the_exact_one_reads(messages: Sequence[object]) -> None:
    records = [Record(number, AT, json.dumps(message).encode()) for number, message in enumerate(messages)]
    typed = Decoder(FIELDS).batch(records, PLACE)
    exact = _exact_messages.batch(records, PLACE, FIELDS)
    if typed is not None:
        assert not exact.rejects
        assert typed.frame.with_columns(pl.col(*FIELDS.names).cast(pl.String)).rows() == exact.frame.rows()


@given(st.binary() | st.binary().map(lambda raw: b'[{"id":' + raw + b"}]"))
def test_any_bytes_are_rows_or_one_reject_for_both_readers(value: bytes) -> None:
    exact = _exact_messages.batch([Record(1, AT, value)], PLACE, FIELDS)
    assert exact.frame.is_empty() or not exact.rejects
    typed = Decoder(FIELDS).batch([Record(1, AT, value)], PLACE)
    assert typed is None or typed.frame.height == exact.frame.height
