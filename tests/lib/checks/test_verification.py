"""What becomes of a check whose statement fails, and of a verification whose server goes away."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from emulator.server import Server
from lib import verification
from lib.checks import Night, Question, Verdict
from lib.errors import Unavailable
from lib.verification_plan import Asked, Subject
from lib.warehouse import Row, Warehouse

_numbers = itertools.count(1)


def asked(statement: str = "", **aggregates: str) -> Asked:
    """A check that passes whatever the answer is."""

    def judge(_rows: Sequence[Row], total: int) -> Verdict:
        return Verdict(True, f"{total} rows")

    question = Question(judge, "SELECT 1;", aggregates, statement)
    return Asked("fact_sale", f"check {next(_numbers)}", "CRITICAL", "here", question)


def states(night: Night, *checks: Asked) -> list[tuple[str, str]]:
    """State and words of each check."""
    subject = Subject("fact_sale", night.table("fact_sale"), list(checks))
    return [(result.state, result.measured) for result in verification.verify(night, [subject])]


def test_one_scan_answers_all_cheap_checks(night: Night) -> None:
    night.warehouse.write("INSERT INTO fact_sale (id) VALUES (1), (2)")
    cheap = [asked(wrong="count(*) - count(s.id)") for _ in range(12)]
    assert states(night, *cheap) == [("passed", "2 rows")] * 12


def test_a_check_that_spoils_the_scan_is_unknown_and_the_others_are_answered(night: Night) -> None:
    night.warehouse.write("INSERT INTO fact_sale (id) VALUES (1), (2)")
    found = states(night, asked(n="count(s.id)"), asked(n="count(s.no_such_column)"), asked("SELECT 1 AS n"))
    assert [state for state, _ in found] == ["passed", "unknown", "passed"]
    assert found[0][1] == found[2][1] == "2 rows"
    assert "could not be evaluated: StarRocks" in found[1][1]
    assert "no_such_column" in found[1][1]


def test_a_statement_that_loses_its_connection_is_unknown_and_the_others_go_on(night: Night) -> None:
    connection = night.warehouse.value("SELECT connection_id() AS id")
    with closing(Warehouse(job="other", run_id="other")) as other:
        other.write(f"KILL {connection}")
    subject = Subject("night", "", [asked("SELECT 1 AS n"), asked("SELECT 1 AS n")])
    found = verification.verify(night, [subject])
    assert [result.state for result in found] == ["unknown", "passed"]
    assert "the connection was lost" in found[0].measured


def test_a_server_that_has_gone_ends_the_verification(
    server: Server, environment: Callable[..., None], night: Night
) -> None:
    with Server() as other:
        environment(STARROCKS_PORT=other.mysql_port, STARROCKS_DATABASE="dw", NIGHTSHIFT_ATTEMPTS=1)
        warehouse = Warehouse(job="test", run_id="test")
        warehouse.write("CREATE DATABASE dw")
    gone = Night(warehouse, night.cycle, night.now)
    with pytest.raises(Unavailable):
        states(gone, asked("SELECT 1 AS n"), asked("SELECT 1 AS n"))
    assert server.mysql_port != other.mysql_port
