"""Dates and times of typed sources: the text is that of Python, whatever the table of days was made of."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from lib.catalog import read_table
from lib.columns import Column
from lib.loading.conform import conform
from lib.sources._files import parquet
from lib.sources._files.moments import dates, times
from lib.sources._files.opened import SourceFile

_TABLE = """\
-- purpose: a test
-- owner: me
-- source: files *
-- refresh: incremental, morning
-- key: a

CREATE TABLE IF NOT EXISTS fact_t (a DATE, b DATETIME) PRIMARY KEY (a);
"""


@given(st.lists(st.none() | st.dates(), max_size=20))
def test_dates(days: list[date | None]) -> None:
    made = dates(pl.Series("day", days, dtype=pl.Date))
    assert made.name == "day"
    assert made.to_list() == [None if day is None else day.isoformat() for day in days]


@given(st.lists(st.none() | st.datetimes(), max_size=20), st.sampled_from(["us", "ms"]))
def test_times(moments: list[datetime | None], unit: Literal["us", "ms"]) -> None:
    held = [
        at and at.replace(microsecond=at.microsecond // 1000 * 1000 if unit == "ms" else at.microsecond)
        for at in moments
    ]
    made = times(pl.Series("at", held, dtype=pl.Datetime(unit)))
    assert made.name == "at"
    assert made.to_list() == [at and at.isoformat(" ", "microseconds") for at in held]


def test_years_of_five_digits_and_before_the_first_are_put_aside_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "fact_t.sql").write_text(_TABLE, encoding="utf-8")
    days = pl.Series([-719_163, -719_162, 0, None, 2_932_896, 2_932_897], dtype=pl.Int32).cast(pl.Date)
    pl.DataFrame({"a": days, "b": days.cast(pl.Datetime("ms"))}).write_parquet(tmp_path / "x.parquet")
    file = SourceFile(tmp_path / "x.parquet", "x.parquet", read_table(tmp_path / "fact_t.sql"), "", ())
    targets = {
        name: Column(name, kind, True, key=False, generated=False, has_default=False)
        for name, kind in (("a", "date"), ("b", "datetime"))
    }
    (batch,) = parquet.batches(file, file.path)
    good, bad = conform(batch, targets, set())
    assert good["a"].to_list()[-4:] == ["0001-01-01", "1970-01-01", None, "9999-12-31"]
    assert "x.parquet:6" in {reject.coordinates for reject in bad}
    assert all(len(text) == 10 for text in good["a"].drop_nulls())
