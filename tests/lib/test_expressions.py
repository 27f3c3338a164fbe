"""Finding columns in expressions without parsing the language."""

from __future__ import annotations

import pytest

from lib import expressions


@pytest.mark.parametrize(
    ("expression", "renamed"),
    [
        ("to_date(to_datetime_ntz(_timestamp, 3))", "to_date(to_datetime_ntz(`_s0`, 3))"),
        ("concat(Price, 'Price \\' Price', \"Price\")", "concat(`_s1`, 'Price \\' Price', \"Price\")"),
        ("`date` + 1e3", "`_s2` + 1e3"),
        ("year(`date`) + Price(Price)", "year(`_s2`) + Price(`_s1`)"),
        ("price", "price"),
    ],
)
def test_source_columns_get_their_alias(expression: str, renamed: str) -> None:
    assert expressions.replace(expression, {"_timestamp": "`_s0`", "Price": "`_s1`", "date": "`_s2`"}) == renamed


def test_functions_and_strings_are_no_columns() -> None:
    assert expressions.columns("year(`year`) + month('year')", ["year", "month"]) == {"year"}


def test_the_names_of_an_expression_are_its_columns() -> None:
    expression = "CAST(a AS DECIMAL(10, 2)) + INTERVAL 3 DAY + if(`case` IS NULL, 'b', _offset)"
    assert expressions.names(expression) == {"a", "case", "_offset"}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("cast(a AS INT) * CAST (b AS DECIMAL(10, 2))", ["a", "b"]),
        ("str_to_date(concat(a, ',)', b), '%Y')", ["concat(a, ',)', b)"]),
        ("cast(nullif(trim(x), ' as ') AS INT) + 1", ["nullif(trim(x), ' as ')"]),
        ("cast(cast(x as bigint) as varchar)", ["cast(x as bigint)", "x"]),
        ("case when a = '' then null else cast(a as int) end", []),
        ("if(a = '', null, cast(a as int))", []),
        ("cast(a as int", []),
        ("a + `cast` + 'cast(a as int)'", []),
    ],
)
def test_what_is_converted_in_an_expression(expression: str, found: list[str]) -> None:
    assert [operand for operand, _ in expressions.conversions(expression)] == found
    assert all(call in expression for _, call in expressions.conversions(expression))
