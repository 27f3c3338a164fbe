"""Kafka messages as rows: exact numbers, one row an object, a poison message whole with its place."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.reading import Batch
from lib.sources._kafka import exact_messages, messages
from lib.sources._kafka.records import Fields, Place, Records
from lib.sources._kafka.typed_messages import Decoder

PLACE = Place("trade.history", 3)
FIELDS = Fields(("id", "seq", "note"), {"id": "largeint", "seq": "int", "note": "varchar"})
AT = 1_780_000_000_000


def records(*values: bytes, at: int = AT) -> Records:
    """The values as records, from offset 42 on."""
    return Records([*range(42, 42 + len(values))], [at] * len(values), [*values])


def read(*values: bytes, at: int = AT, fields: Fields = FIELDS) -> Batch:
    """The values as one batch, from offset 42 on."""
    (batch,) = messages.batches([records(*values, at=at)], PLACE, fields)
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
    value = b"[" + b",".join(b'{"id":%d}' % number for number in range(objects)) + b"]"
    indexes, largest = 0, 0
    for batch in messages.batches([records(value)], PLACE, FIELDS):
        assert batch.frame["_index"][0] == indexes == batch.frame["id"][0]
        indexes += batch.frame.height
        largest = max(largest, batch.frame.height)
    assert indexes == objects
    assert largest < 250_000


def test_what_comes_after_a_long_array_keeps_its_place() -> None:
    long = b"[" + b",".join(b'{"id":%d}' % number for number in range(25_000)) + b"]"
    batches = list(messages.batches([records(b'{"id":1}', long, b"[]", b'[{"id":2},{"id":3}]')], PLACE, FIELDS))
    rows = pl.concat(batch.frame for batch in batches)
    expected = [(42, 0, 1), *((43, number, number) for number in range(25_000)), (45, 0, 2), (45, 1, 3)]
    assert rows.select("_offset", "_index", "id").rows() == expected


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
    batch = exact_messages.batch(records(json.dumps(objects).encode()), PLACE, FIELDS)
    known = [given_ for given_ in objects if any(given_.get(name) is not None for name in FIELDS.names)]
    assert len(batch.rejects) == len(objects) - len(known)
    for row, fields in zip(batch.frame.iter_rows(named=True), known, strict=True):
        for name in FIELDS.names:
            value = fields.get(name)
            assert row[name] == (value if isinstance(value, str) or value is None else json.dumps(value))


@settings(max_examples=300)
@given(st.lists(_MESSAGES, min_size=1, max_size=4))
def test_what_the_typed_reader_takes_is_what_the_exact_one_reads(messages: Sequence[object]) -> None:
    given_ = records(*(json.dumps(message).encode() for message in messages))
    typed = Decoder(FIELDS).batch(given_, PLACE)
    exact = exact_messages.batch(given_, PLACE, FIELDS)
    if typed is not None:
        assert not exact.rejects
        assert typed.frame.with_columns(pl.col(*FIELDS.names).cast(pl.String)).rows() == exact.frame.rows()


@given(st.binary() | st.binary().map(lambda raw: b'[{"id":' + raw + b"}]"))
def test_any_bytes_are_rows_or_one_reject_for_both_readers(value: bytes) -> None:
    exact = exact_messages.batch(records(value), PLACE, FIELDS)
    assert exact.frame.is_empty() or not exact.rejects
    typed = Decoder(FIELDS).batch(records(value), PLACE)
    assert typed is None or typed.frame.height == exact.frame.height


_WRITTEN = st.sampled_from(
    [
        "0", "-0", "-7", "007", "1.0", "1e3", "+5", "-", "", "NaN", "null", "true", "5", "18446744073709551615",
        "18446744073709551616", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 300,
        '"5"', '"}{,\\":"', '"\\u0000"', '"\\ud800"', '"é"', '"\n"', '"open', "{}", "[]", '{"id":1}', "[[{}]]",
    ]
)  # fmt: skip
_NAMES = st.sampled_from(['"id"', '"seq"', '"note"', '"other"', '"i\\u0064"', '"ID"', '""', "id"])
_BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t ", "\ufeff", "\v"])


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A message as no program would write it, and as some do: most of them are nearly right."""
    blank = draw(_BLANKS)
    names = draw(
        st.lists(_NAMES, min_size=1, max_size=4) | st.just(['"id"', '"seq"']) | st.just(['"seq"', '"id"', '"id"'])
    )
    values = _WRITTEN if draw(st.booleans()) else st.sampled_from(["1", "2", "3"])
    count = draw(st.integers(0, 3))
    objects = [
        "{" + f",{blank}".join(f"{name}{blank}:{blank}{draw(values)}" for name in names) + "}" for _ in range(count)
    ]
    array = f"[{blank}" + f"{blank},".join(objects) + "]"
    text = draw(st.sampled_from([array] * 6 + ["".join(objects), array + blank, array[:-1], array + "]"]))
    return draw(st.sampled_from([text.encode(), text.encode(), text.encode("latin-1", "replace"), b"\xef\xbb\xbf[]"]))


@settings(max_examples=500)
@given(st.lists(written(), min_size=1, max_size=3))
def test_however_messages_are_written_all_readers_read_the_same(values: Sequence[bytes]) -> None:
    given_ = records(*values)
    exact = exact_messages.batch(given_, PLACE, FIELDS)
    typed = Decoder(FIELDS).batch(given_, PLACE)
    if typed is not None:
        assert not exact.rejects
        # The one integer that JSON can write in two ways.
        numbers = exact.frame.with_columns(pl.col("id", "seq").replace("-0", "0"))
        assert typed.frame.with_columns(pl.col(*FIELDS.names).cast(pl.String)).rows() == numbers.rows()
    alone = [exact_messages.batch(records(value), PLACE, FIELDS) for value in values]
    assert exact.frame.height == sum(batch.frame.height for batch in alone)
    assert [reject.reason for reject in exact.rejects] == [one.reason for batch in alone for one in batch.rejects]
