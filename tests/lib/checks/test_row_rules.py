"""The rule that the audit of staged rows uses: TRUE for a broken row, FALSE for any other, never NULL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib import checks
from lib.catalog import Check
from lib.checks import Night

Declared = Callable[[str], Check]
SALE = "INSERT INTO fact_sale (id, status, amount) VALUES (%s, %s, %s)"
ROWS = ((1, "active", "5"), (2, None, None), (3, "x", "-0.01"), (4, "cancelled", "10.01"))


def broken(night: Night, rule: str) -> dict[int, object]:
    """What the rule says of each row."""
    rows = night.warehouse.read(f"SELECT s.id AS id, {rule} AS broken FROM fact_sale s")
    return {row["id"]: row["broken"] for row in rows}


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        ("not_null(status)", {2}),
        ("accepted(status, 'active', 'cancelled')", {3}),
        ("accepted(amount, 5, 10.01)", {3}),
        ("between(amount, 0, 10)", {3, 4}),
    ],
)
def test_rule_is_true_for_broken_rows_alone(night: Night, declared: Declared, check: str, wrong: set[int]) -> None:
    for row in ROWS:
        night.warehouse.write(SALE, row)
    rule = checks.row_rule(declared(f"CRITICAL {check}"))
    assert rule is not None
    assert broken(night, rule) == {row[0]: int(row[0] in wrong) for row in ROWS}


@pytest.mark.parametrize(
    "check",
    [
        "unique(id)",
        "fresh(sold_at, 26h)",
        "row_change(50%)",
        "references(customer_id, dim_customer.customer_id)",
        "one_current(customer_id)",
    ],
)
def test_what_one_row_cannot_break_has_no_rule(declared: Declared, check: str) -> None:
    assert checks.row_rule(declared(f"CRITICAL {check}")) is None


@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8), min_size=1, max_size=3)
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_accepted_takes_any_text(night: Night, declared: Declared, texts: list[str]) -> None:
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    rule = checks.row_rule(declared(f"CRITICAL accepted(status, {quoted})"))
    night.warehouse.write("TRUNCATE TABLE fact_sale")
    for number, text in enumerate([*texts, "".join(texts) + "#"]):
        night.warehouse.write(SALE, (number, text, None))
    assert rule is not None
    expected = dict.fromkeys(range(len(texts)), 0) | {len(texts): int("".join(texts) + "#" not in texts)}
    assert broken(night, rule) == expected
