"""Each kind of check over real rows: once with rows that keep it, once with rows that break it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from lib import checks, verification
from lib.catalog import Check
from lib.checks import Night
from lib.errors import Misconfigured
from lib.verification import Result
from lib.verification_plan import Asked, Subject

Declared = Callable[[str], Check]
SALE = "INSERT INTO fact_sale VALUES (%s, %s, %s, %s, %s, %s)"
VERSION = "INSERT INTO dim_customer VALUES (%s, %s, %s, %s)"
OPEN = "9999-12-31 00:00:00"


@dataclass(frozen=True)
class Case:
    """A check, rows beside which it passes, and the row that breaks it."""

    check: str
    table: str
    bad: tuple[object, ...]
    measured: str
    wrong_rows: int | None


GOOD_SALES = (
    (1, "2026-11-02 05:00:00", "2026-11-02", "active", "10.00", 7),
    (2, "2026-11-01 05:00:00", "2026-11-01", "cancelled", "0.00", 7),
    (3, None, None, None, None, None),
)
GOOD_VERSIONS = (
    (7, "2026-01-01 00:00:00", "2026-05-01 00:00:00", False),
    (7, "2026-05-01 00:00:00", OPEN, True),
    (8, "1970-01-01 00:00:00", OPEN, True),
)
CASES = [
    Case("unique(id)", "fact_sale", (2, None, None, None, None, None), "2 of 4 rows: id is not unique", 2),
    Case(
        "unique(sold_at, status)",
        "fact_sale",
        (4, "2026-11-02 05:00:00", None, "active", None, None),
        "2 of 4 rows: sold_at, status are not unique",
        2,
    ),
    Case("not_null(id)", "fact_sale", (), "", None),
    Case(
        "between(amount, 0, 10.5)",
        "fact_sale",
        (4, None, None, None, "10.51", None),
        "1 of 4 rows: amount is not between 0 and 10.5",
        1,
    ),
    Case(
        "between(sold_date, 2026-01-01, 2026-12-31)",
        "fact_sale",
        (4, None, "2025-12-31", None, None, None),
        "1 of 4 rows: sold_date is not between 2026-01-01 and 2026-12-31",
        1,
    ),
    Case(
        "accepted(status, 'active', 'cancelled')",
        "fact_sale",
        (4, None, None, "Active ", None, None),
        "1 of 4 rows: status is none of 'active', 'cancelled'",
        1,
    ),
    Case(
        "references(customer_id, dim_customer.customer_id)",
        "fact_sale",
        (4, None, None, None, None, 99),
        "1 of 4 rows: customer_id is not in dim_customer.customer_id",
        1,
    ),
    Case(
        "one_current(customer_id)",
        "dim_customer",
        (8, "1960-01-01 00:00:00", "1970-01-01 00:00:00", True),
        "2 of 4 rows: customer_id has not exactly one current version",
        2,
    ),
    Case(
        "no_overlap(customer_id)",
        "dim_customer",
        (8, "1960-01-01 00:00:00", "1970-01-02 00:00:00", False),
        "1 of 4 rows: a version of customer_id reaches into the next one",
        1,
    ),
    Case(
        "no_gap(customer_id)",
        "dim_customer",
        (8, "1960-01-01 00:00:00", "1969-12-31 23:59:59", False),
        "1 of 4 rows: a version of customer_id ends before the next one begins",
        1,
    ),
]
BREAKABLE = [case for case in CASES if case.bad]


def fill(night: Night) -> None:
    """The rows that keep every check."""
    for sale in GOOD_SALES:
        night.warehouse.write(SALE, sale)
    for version in GOOD_VERSIONS:
        night.warehouse.write(VERSION, version)


def ask(night: Night, check: Check, table: str = "fact_sale") -> Result:
    """What verification says of one check."""
    question = checks.kind(check).question(check, table, night)
    asked = Asked(table, check.text, check.severity, "here", question)
    return verification.verify(night, [Subject(table, night.table(table), [asked])])[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.check)
def test_passes_with_right_rows(night: Night, declared: Declared, case: Case) -> None:
    fill(night)
    result = ask(night, declared(f"CRITICAL {case.check}"), case.table)
    assert (result.state, result.measured, result.wrong_rows) == ("passed", "3 rows, none wrong", 0)


@pytest.mark.parametrize("case", BREAKABLE, ids=lambda case: case.check)
def test_fails_with_a_wrong_row_and_shows_it(night: Night, declared: Declared, case: Case) -> None:
    fill(night)
    night.warehouse.write(SALE if case.table == "fact_sale" else VERSION, case.bad)
    result = ask(night, declared(f"CRITICAL {case.check}"), case.table)
    assert (result.state, result.measured, result.wrong_rows) == ("failed", case.measured, case.wrong_rows)
    assert night.warehouse.read(result.query.rstrip(";"))


def test_not_null_counts_rows_without_a_value(night: Night, declared: Declared) -> None:
    fill(night)
    result = ask(night, declared("WARNING not_null(customer_id)"))
    assert (result.state, result.measured) == ("failed", "1 of 3 rows: customer_id is NULL")
    assert [row["id"] for row in night.warehouse.read(result.query.rstrip(";"))] == [3]


@pytest.mark.parametrize(
    ("check", "state", "measured"),
    [
        ("fresh(sold_at, 2h)", "passed", "newest sold_at is 2026-11-02 05:00, 1.7 h ago, allowed 2 h"),
        ("fresh(sold_at, 90m)", "failed", "newest sold_at is 2026-11-02 05:00, 1.7 h ago, allowed 1.5 h"),
        ("fresh(sold_date, 1 day)", "passed", "newest sold_date is 2026-11-02, 6.7 h ago, allowed 24 h"),
        ("fresh(sold_date, 6h)", "failed", "newest sold_date is 2026-11-02, 6.7 h ago, allowed 6 h"),
    ],
)
def test_fresh_goes_by_the_clock_of_the_jobs(
    night: Night, declared: Declared, check: str, state: str, measured: str
) -> None:
    fill(night)
    result = ask(night, declared(f"WARNING {check}"))
    assert (result.state, result.measured) == (state, measured)


def test_fresh_is_not_fooled_by_a_row_of_the_future(night: Night, declared: Declared) -> None:
    night.warehouse.write(SALE, (1, "2027-01-01 00:00:00", None, None, None, None))
    result = ask(night, declared("WARNING fresh(sold_at, 26h)"))
    assert result.state == "failed"
    assert result.measured == "no row has a sold_at up to now; 1 rows lie in the future"


def test_fresh_fails_on_an_empty_table(night: Night, declared: Declared) -> None:
    result = ask(night, declared("WARNING fresh(sold_at, 26h)"))
    assert (result.state, result.measured) == ("failed", "no row has a sold_at up to now")


def verified_before(night: Night, cycle: date, rows: int, check: str = "row_change(20%)") -> None:
    """Writes down that an earlier night was verified with so many rows."""
    night.warehouse.write(
        "INSERT INTO ops_check_result (run_id, check_id, cycle, subject, check_name, severity, state, wrong_rows,"
        " value, measured, query, seconds, checked_at) VALUES"
        " (%s, 'x', %s, 'fact_sale', %s, 'WARNING', 'passed', NULL, %s, '', '', 0.1, '2026-11-01 06:40:00')",
        (f"run-{cycle}", cycle, check, rows),
    )


@pytest.mark.parametrize(
    ("before", "state", "measured"),
    [
        (4, "passed", "3 rows, -25.0 % against 4 on 2026-10-31, allowed 50 %"),
        (2, "passed", "3 rows, +50.0 % against 2 on 2026-10-31, allowed 50 %"),
        (7, "failed", "3 rows, -57.1 % against 7 on 2026-10-31, allowed 50 %"),
        (1, "failed", "3 rows, +200.0 % against 1 on 2026-10-31, allowed 50 %"),
        (0, "passed", "3 rows, +0.0 % against 0 on 2026-10-31, allowed 50 %"),
    ],
)
def test_row_change_compares_with_the_last_verified_night(
    night: Night, declared: Declared, before: int, state: str, measured: str
) -> None:
    fill(night)
    verified_before(night, date(2026, 10, 30), 1000)
    verified_before(night, date(2026, 10, 31), before)
    verified_before(night, date(2026, 11, 1), 1000)  # an earlier run of tonight is not another night
    result = ask(night, declared("WARNING row_change(50%)"))
    assert (result.state, result.measured, result.value) == (state, measured, 3.0)


def test_row_change_has_nothing_to_compare_with_on_the_first_night(night: Night, declared: Declared) -> None:
    fill(night)
    result = ask(night, declared("WARNING row_change(50%)"))
    assert (result.state, result.measured) == ("passed", "3 rows, no earlier night to compare with")


@pytest.mark.parametrize(
    "text",
    [
        "unique()",
        "unique(a, a)",
        "unique(a b)",
        "not_null(a, b)",
        "not_null(1)",
        "references(a, dim_customer.b.c)",
        "references(a, dim_customer.)",
        "fresh(a)",
        "fresh(a, soon)",
        "fresh(a, -3h)",
        "row_change(50)",
        "row_change(a, 50%)",
        "between(a, 1)",
        "between(a, 2, 1)",
        "between(a, 2026-02-01, 2026-01-01)",
        "between(a, 1, 2026-01-01)",
        "between(a, x, y)",
        "accepted(a)",
        "accepted(a, active)",
        "accepted(a, 'x' 'y')",
        "one_current()",
        "no_gap()",
        "no_overlap(1)",
    ],
)
def test_wrong_arguments_are_told_with_file_and_line(declared: Declared, text: str) -> None:
    check = declared(f"CRITICAL {text}")
    with pytest.raises(Misconfigured) as caught:
        checks.kind(check).columns(check)
    assert caught.value.message.startswith(f"schema/fact_sale.sql:7: check: {f'CRITICAL {text}'!r}: ")
    assert re.search(r"expected|is above", caught.value.message)


def test_every_kind_has_its_cases() -> None:
    """A new kind of check comes with a case here that breaks it."""
    folder = Path(checks.__file__).parent
    kinds = {path.stem for path in folder.glob("[!_]*.py")}
    # Those of test_kafka_proof and those with a test of their own here.
    elsewhere = {"contiguous", "not_null", "fresh", "row_change"}
    assert kinds == {case.check.partition("(")[0] for case in BREAKABLE} | elsewhere
