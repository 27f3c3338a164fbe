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
