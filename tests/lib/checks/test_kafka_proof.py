"""The proof of the bridge: no offset left out or loaded twice, no number of the sequence missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib import catalog, checks, verification
from lib.catalog import Check
from lib.checks import Night
from lib.checks import night as night_checks
from lib.errors import Misconfigured
from lib.verification import Result
from lib.verification_plan import NIGHT, Asked, Subject

FACT = """\
-- purpose: test
-- owner: test
-- source: kafka trades
-- refresh: incremental, morning
-- key: id
CREATE TABLE IF NOT EXISTS fact_trade (id BIGINT);
"""
U64_MAX = 2**64 - 1


@pytest.fixture
def offsets(environment: Callable[..., None], night: Night, tmp_path: Path) -> Iterator[Callable[[], Result]]:
    """What verification says of the chain of loads."""
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/fact_trade.sql").write_text(FACT, encoding="utf-8")
    environment(WAREHOUSE_DIR=tmp_path)
    catalog.tables.cache_clear()

    def ask() -> Result:
        question = night_checks.found()["kafka_offsets"].question(night)
        asked = Asked(NIGHT, "kafka_offsets", "CRITICAL", "here", question)
        return verification.verify(night, [Subject(NIGHT, "", [asked])])[0]

    yield ask
    catalog.tables.cache_clear()


def loaded(night: Night, part: str, start: int, end: int, at: str, content: str = "") -> None:
    """One load in the ledger."""
    night.warehouse.write(
        "INSERT INTO ops_load (target, load_id, run_id, cycle, source, part, content, from_position, to_position,"
        " rows_read, rows_staged, rows_loaded, rows_repeated, rows_quarantined, loaded_at)"
        " VALUES ('fact_trade', %s, 'r', '2026-11-01', 'kafka trades', %s, %s, %s, %s, 0, 0, 0, 0, 0, %s)",
        (f"{part}-{start}-{at}-{content}", part, content, str(start), str(end), f"2026-11-01 {at}"),
    )


def test_loads_that_follow_each_other_are_proof(night: Night, offsets: Callable[[], Result]) -> None:
    assert offsets().state == "passed"
    for start, end, at in ((0, 9, "05:00:00"), (9, 100, "05:00:00"), (100, 1000, "05:00:00"), (1000, 1001, "06:00:00")):
        loaded(night, "trades/0", start, end, at)
    loaded(night, "trades/1", 70, 80, "05:00:00")
    loaded(night, "trades/0", 3, 900, "05:30:00", "read again")
    assert offsets().state == "passed"
    loaded(night, "trades/1", 80, 95, "07:00:00", "accepted gap")
    loaded(night, "trades/1", 95, 99, "07:00:00")
    loaded(night, "trades/0", 1001, 0, "08:00:00", "accepted gap")
    loaded(night, "trades/0", 0, 5, "08:00:00")
    result = offsets()
    assert (result.state, result.measured) == ("passed", "no offset was left out or loaded twice; 2 accepted gaps")


def test_a_gap_and_a_double_are_named(night: Night, offsets: Callable[[], Result]) -> None:
    loaded(night, "trades/0", 0, 9, "05:00:00")
    loaded(night, "trades/0", 12, 20, "06:00:00")
    loaded(night, "trades/1", 0, 9, "05:00:00")
    loaded(night, "trades/1", 7, 10, "06:00:00")
    result = offsets()
    assert (result.state, result.wrong_rows) == ("failed", 2)
    assert "fact_trade trades/0: offsets 9 to 11 were left out" in result.measured
    assert "fact_trade trades/1: 7 to 8 came twice" in result.measured


@pytest.fixture
def sequence(night: Night, declared: Callable[[str], Check]) -> Callable[..., Result]:
    """What `contiguous` says of these numbers; a number may come with its time."""
    night.warehouse.write(
        "CREATE TABLE fact_seq (seq LARGEINT NULL, at DATETIME NULL) DUPLICATE KEY (seq)"
        " DISTRIBUTED BY HASH (seq) BUCKETS 1"
    )

    def ask(*numbers: int | tuple[int, str] | None, text: str = "contiguous(seq)") -> Result:
        night.warehouse.write("TRUNCATE TABLE fact_seq")
        for number in numbers:
            seq, at = number if isinstance(number, tuple) else (number, None)
            night.warehouse.write("INSERT INTO fact_seq VALUES (%s, %s)", (seq, at))
        check = declared(f"WARNING {text}")
        question = checks.kind(check).question(check, "fact_seq", night)
        asked = Asked("fact_seq", check.text, "WARNING", "here", question)
        return verification.verify(night, [Subject("fact_seq", night.table("fact_seq"), [asked])])[0]

    return ask


def test_a_sequence_without_a_hole_passes_also_around_the_end_of_64_bits(sequence: Callable[..., Result]) -> None:
    assert sequence().state == "passed"
    assert sequence(7).state == "passed"
    assert sequence(None, 5, 3, 4, 4, 6).state == "passed"
    assert sequence(U64_MAX - 1, U64_MAX, 0, 1).state == "passed"


def test_missing_ranges_are_named(sequence: Callable[..., Result]) -> None:
    assert sequence(1, 2, 5, 6, 8).measured == "3 missing in 2 ranges: 3 to 4, 7"
    assert sequence(2**63 - 1, 2**63 + 1).measured == f"1 missing in 1 range: {2**63}"
    around = sequence(U64_MAX - 3, U64_MAX - 1, 1, 2)
    assert around.measured == f"3 missing in 2 ranges: {U64_MAX - 2}, {U64_MAX} to 0"
    many = sequence(*range(0, 60, 2))
    assert many.wrong_rows == 29
    assert many.measured.endswith("19 and 19 more")


def test_a_young_hole_may_still_be_filled(sequence: Callable[..., Result]) -> None:
    old, young = "2026-10-28 00:00:00", "2026-11-01 12:00:00"
    text = "contiguous(seq, at, 3 days)"
    waiting = sequence((1, old), (2, old), (4, young), text=text)
    assert (waiting.state, waiting.measured) == (
        "passed",
        "no number is missing; some holes are young and may still be filled",
    )
    due = sequence((1, old), (3, old), (5, young), text=text)
    assert due.measured == "1 missing in 1 range: 2; some holes are young and may still be filled"


@pytest.mark.parametrize("text", ["contiguous()", "contiguous(seq, at)", "contiguous(seq, at, soon)"])
def test_what_is_wrongly_declared_is_refused(declared: Callable[[str], Check], text: str) -> None:
    check = declared(f"WARNING {text}")
    with pytest.raises(Misconfigured, match="expected contiguous"):
        checks.kind(check).columns(check)
