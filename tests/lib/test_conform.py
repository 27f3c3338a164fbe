"""The strict parser: a value loads exactly, or is a reject; nothing in between."""

from __future__ import annotations

import math
from decimal import Context, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.columns import INTEGERS, Column
from lib.loading.conform import conform
from lib.loading.fitting import faults, suspects
from lib.reading import Batch, format_float


def column(kind: str, *, nullable: bool = True) -> Column:
    return Column("c", kind, nullable, key=False, generated=False, has_default=False)


def parsed(kind: str, *values: str | None, nullable: bool = True) -> tuple[list[str | None], list[str]]:
    """The values that fit, and the reasons of the others."""
    places = [f"f:{index}" for index in range(len(values))]
    frame = pl.DataFrame({"_source": places, "c": values}, schema={"_source": pl.String, "c": pl.String})
    target = column(kind, nullable=nullable)
    good, bad = conform(Batch(frame), {"c": target}, set() if nullable else {"c"})
    return good["c"].to_list(), [reject.reason for reject in bad]


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        ("int", ["0", "-5", "007", "2147483647"], ["1e3", "1,234", "+5", "0x10", " 7 ", "", "1.0", "2147483648"]),
        ("tinyint", ["-128", "127"], ["128", "-129"]),
        ("bigint", ["9223372036854775807"], ["9223372036854775808"]),
        ("largeint", ["18446744073709551615", "-170141183460469231731687303715884105727"], ["1" + "0" * 39]),
        ("decimal(5,2)", ["123.45", "-0.1", "0001.10", "1.1000"], ["1234", "1.234", "NaN", "1e2", ".5", "1."]),
        ("double", ["1e3", "-0.5", "0"], ["NaN", "Infinity", "1e999", "0x1"]),
        ("boolean", ["true", "FALSE", "0", "1"], ["yes", "", "2"]),
        (
            "date",
            ["2026-02-28", "9999-12-31"],
            ["2026-02-30", "0000-00-00", "31/12/26", "2026-1-1", "2026-01-01 00:00"],
        ),
        (
            "datetime",
            ["2026-02-28 23:59:59", "2026-02-28T00:00:00.123456"],
            ["2026-02-28 24:00:00", "2026-02-28", "2026-02-28 10:00:00Z", "2026-02-28 10:00:00.1234567"],
        ),
        ("varchar(4)", ["", "abcd", "äö", "=cmd", "\\n"], ["abcde", "äöü", "🦆x", "a\x00b", "a\x01b", "\\N"]),
        ("json", ['{"a": 1}', "[]", "null"], ["{", "{'a': 1}"]),
    ],
)
def test_values_fit_or_are_rejected(kind: str, fits: list[str], does_not: list[str]) -> None:
    good, reasons = parsed(kind, *fits, *does_not)
    assert good == fits
    assert len(reasons) == len(does_not)


def test_null_is_kept_in_a_nullable_column_and_rejected_in_another() -> None:
    assert parsed("int", None, "1") == ([None, "1"], [])
    assert parsed("int", None, "1", nullable=False) == (["1"], ["null"])


def test_a_reject_names_column_value_and_place() -> None:
    frame = pl.DataFrame({"_source": ["sales.csv:17"], "_line": ["17"], "c": ["12a"], "d": ["x"]})
    _, (reject,) = conform(Batch(frame), {"c": column("int")}, set())
    assert (reject.reason, reject.column, reject.value, reject.coordinates) == ("type", "c", "12a", "sales.csv:17")
    assert reject.row_text == '{"c": "12a", "d": "x"}'


@settings(deadline=None)
@given(st.sampled_from(sorted(INTEGERS)), st.integers(min_value=-(2**140), max_value=2**140))
def test_an_integer_fits_exactly_when_its_type_can_hold_it(kind: str, value: int) -> None:
    limit = 2 ** (INTEGERS[kind] - 1)
    low = -limit + 1 if kind == "largeint" else -limit
    good, _ = parsed(kind, str(value))
    assert bool(good) == (low <= value < limit)


@settings(deadline=None)
@given(st.integers(1, 38), st.data())
def test_a_decimal_fits_exactly_when_no_digit_is_lost(precision: int, data: st.DataObject) -> None:
    scale = data.draw(st.integers(0, precision))
    value = data.draw(st.decimals(allow_nan=False, allow_infinity=False, places=data.draw(st.integers(0, 12))))
    text = format(value, "f")
    good, _ = parsed(f"decimal({precision},{scale})", text)
    shifted = value.scaleb(scale, Context(prec=500))
    assert bool(good) == (abs(value) < Decimal(10) ** (precision - scale) and shifted == shifted.to_integral_value())


@settings(deadline=None)
@given(st.text(), st.integers(1, 20))
def test_text_fits_by_its_bytes(text: str, size: int) -> None:
    good, _ = parsed(f"varchar({size})", text)
    sendable = not set(text) & {"\x00", "\x01", "\x02"} and text != "\\N"
    assert bool(good) == (len(text.encode("utf-8")) <= size and sendable)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_of_a_typed_source_comes_back_as_the_same_float(value: float) -> None:
    text = format_float(value)
    assert float(text) == value
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert "e" not in text


@settings(deadline=None)
@given(
    st.sampled_from([*sorted(INTEGERS), "decimal(3,1)", "double", "varchar(3)", "boolean"]),
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300) | st.none(), min_size=1),
    st.sampled_from([pl.UInt64, pl.Int64]),
    st.booleans(),
)
def test_an_integer_of_a_typed_source_fits_when_its_text_would(
    kind: str, values: list[int | None], dtype: type[pl.UInt64 | pl.Int64], nullable: bool
) -> None:
    held = [None if value is None else value if dtype is pl.UInt64 else value - 2**63 for value in values]
    places = [f"f:{index}" for index in range(len(held))]
    frame = pl.DataFrame({"_source": places, "c": pl.Series(held, dtype=dtype)})
    good, bad = conform(Batch(frame), {"c": column(kind, nullable=nullable)}, set() if nullable else {"c"})
    texts = [None if value is None else str(value) for value in held]
    expected, reasons = parsed(kind, *texts, nullable=nullable)
    assert [None if value is None else str(value) for value in good["c"]] == expected
    assert [reject.reason for reject in bad] == reasons
    assert good["c"].dtype == dtype


# What is near to a value that fits: the letters of numbers and times.
_NEAR = st.text("0123456789+-.:T eE", max_size=12) | st.from_regex(
    r"(0000|0999|1900|2000|2023|2024|9999)-(0[0-9]|1[0-3])-(0[0-9]|[12][0-9]|3[0-2])"
    r"([ T]([01][0-9]|2[0-5]):[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?)?",
    fullmatch=True,
)


@settings(deadline=None)
@given(
    st.sampled_from([*sorted(INTEGERS), "decimal(5,2)", "decimal(3,3)", "decimal(4)", "date", "datetime"]),
    st.lists(_NEAR, min_size=1, max_size=30),
)
def test_the_quick_test_lets_nothing_through_that_the_exact_one_refuses(kind: str, values: list[str]) -> None:
    frame = pl.DataFrame({"c": values}, schema={"c": pl.String})
    target = column(kind)
    quick = frame.select(pl.any_horizontal(suspects(pl.col("c"), target)).fill_null(value=False)).to_series()
    exact = frame.select(pl.any_horizontal([broken for _, broken in faults(pl.col("c"), target)])).to_series()
    assert not (exact & ~quick).any()


def test_rows_keep_their_order_around_a_reject() -> None:
    frame = pl.DataFrame({"_source": [f"f:{n}" for n in range(5)], "c": ["4", "x", "2024-02-29", "007", "1"]})
    good, bad = conform(Batch(frame), {"c": column("int")}, set())
    assert good["c"].to_list() == ["4", "007", "1"]
    assert [reject.coordinates for reject in bad] == ["f:1", "f:2"]
