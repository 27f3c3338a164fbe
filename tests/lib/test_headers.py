"""Headers and table files: what is wrong is told with file and line, and what is allowed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import catalog, headers
from lib.errors import Misconfigured, Usage

GOOD = """\
-- purpose: a test
-- owner: me
-- source: sql shop: customer
-- refresh: incremental, evening
-- key: customer_id
-- scd: 1
-- watermark: updated_at, customer_id
-- lateness: 2 hours
-- check: CRITICAL unique(customer_id)

CREATE TABLE IF NOT EXISTS dim_customer (
    customer_id BIGINT NOT NULL
)
PRIMARY KEY (customer_id);
"""


def table(folder: Path, text: str = GOOD, name: str = "dim_customer") -> catalog.TableFile:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return catalog.read_table(path)


def test_a_table_file_is_read(tmp_path: Path) -> None:
    read = table(tmp_path)
    assert (read.key, read.scd, read.watermark, read.lateness) == (
        ("customer_id",),
        1,
        ("updated_at", "customer_id"),
        timedelta(hours=2),
    )
    assert read.ddl.startswith("CREATE TABLE") and not read.ddl.endswith(";")


@pytest.mark.parametrize(
    ("line", "instead", "told"),
    [
        ("-- owner: me", "", "no `-- owner: ...` line"),
        ("-- owner: me", "-- ownr: me", ":2: ownr: 'me': unknown key; did you mean `owner`?"),
        ("-- owner: me", "-- owner: me\n-- owner: you", ":3: owner: 'you': is given twice"),
        ("-- owner: me", "-- owner:", "has no value"),
        ("sql shop: customer", "sqs shop: customer", "kind of: calendar, files, kafka"),
        ("incremental, evening", "incremental, morning", "expected `incremental, evening` or `full, evening`"),
        ("-- scd: 1", "-- scd: 3", "expected 1"),
        ("2 hours", "2 parsecs", "expected a length of time"),
        ("unique(customer_id)", "uniq(customer_id)", "no kind of check is called 'uniq'; allowed: "),
        ("CRITICAL unique(customer_id)", "unique(customer_id)", "expected `CRITICAL|WARNING|INFO kind(arguments)`"),
        ("key: customer_id", "key: customer id", "'customer id' is not a name"),
        ("-- scd: 1", "-- scd: 1\n-- deletes: all", "expected `snapshot`, or `snapshot, 10%`"),
        ("-- scd: 1", "-- scd: 1\n-- deletes: snapshot", "only dim_ tables with `refresh: full`"),
        ("-- scd: 1", "-- scd: 1\n-- reconcile: 5 hours", "expected whole days, such as `7 days`"),
        ("-- scd: 1", "-- scd: 2\n-- reconcile: 5 days", "only a fact or an SCD 1 dimension of a sql source"),
        ("EXISTS dim_customer", "EXISTS dim_custom", "CREATE TABLE IF NOT EXISTS dim_customer ("),
    ],
)
def test_a_fault_names_file_line_and_what_is_allowed(tmp_path: Path, line: str, instead: str, told: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        table(tmp_path, GOOD.replace(line, instead, 1))
    assert "dim_customer.sql" in caught.value.message
    assert told in caught.value.message


def test_a_snapshot_needs_a_column_for_its_deletes(tmp_path: Path) -> None:
    full = GOOD.replace("incremental", "full").replace("-- watermark: updated_at, customer_id\n", "")
    text = full.replace("-- scd: 1", "-- scd: 1\n-- deletes: snapshot, 10%")
    with pytest.raises(Misconfigured, match="needs a column `is_deleted BOOLEAN NOT NULL`"):
        table(tmp_path, text)
    text = text.replace("customer_id BIGINT NOT NULL", "customer_id BIGINT NOT NULL, is_deleted BOOLEAN NOT NULL")
    read = table(tmp_path, text)
    assert (read.deletes, read.columns) == (0.1, {"is_deleted": "FALSE"})


def test_only_names_what_there_is() -> None:
    with pytest.raises(Usage, match="did you mean dim_user"):
        catalog.select({"dim_user": 1, "dim_date": 2}, ["dim_usr"])


@given(st.text())
def test_any_text_is_a_header_or_a_told_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "dim_any.sql"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        read = headers.read(path, required=("purpose",), optional=("owner",))
    except Misconfigured as error:
        assert str(path) in error.message
    else:
        assert read.sql.strip()
