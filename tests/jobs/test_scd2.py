"""SCD 2 against a model in plain Python: whatever changes come, in whatever order, history reads the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from emulator.server import Server
from lib import columns
from lib.catalog import TableFile, read_table
from lib.loading import mapping, scd2
from lib.settings import settings
from lib.warehouse import Warehouse

FILE = """\
-- purpose: a test
-- owner: me
-- source: sql shop: customer
-- refresh: incremental, evening
-- key: k
-- scd: 2
-- watermark: valid_from, k
-- check: CRITICAL unique(k, valid_from)

CREATE TABLE IF NOT EXISTS dim_k (
    k INT NOT NULL, valid_from DATETIME NOT NULL, valid_to DATETIME NOT NULL, is_current BOOLEAN NOT NULL,
    a VARCHAR(5) NULL, b INT NULL, is_inferred BOOLEAN NOT NULL
) PRIMARY KEY (k, valid_from) DISTRIBUTED BY HASH (k) BUCKETS 1;
"""
BEGIN = datetime(2026, 1, 1)
OPEN = datetime(9999, 12, 31)
Change = tuple[int, int, str | None, int | None]
Model = dict[int, dict[int, tuple[str | None, int | None]]]
CHANGES = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 8), st.sampled_from(["x", "y", None]), st.sampled_from([1, 2, None])),
    min_size=1,
    max_size=6,
)


class Dimension:
    """The dimension under test, on the embedded server, with one stage table."""

    def __init__(self, warehouse: Warehouse, table: TableFile) -> None:
        self.warehouse, self.table, self.changed = warehouse, table, 0
        warehouse.write("CREATE DATABASE IF NOT EXISTS dw")
        warehouse.write("DROP TABLE IF EXISTS dw.dim_k")
        warehouse.write(table.ddl.replace("EXISTS dim_k", "EXISTS dw.dim_k"))
        warehouse.write("DROP TABLE IF EXISTS dw.stage_k")
        warehouse.write(
            "CREATE TABLE dw.stage_k (`_row` BIGINT NOT NULL, `_source` STRING NULL, k INT NULL,"
            " valid_from DATETIME NULL, a VARCHAR(5) NULL, b INT NULL)"
            " DUPLICATE KEY (`_row`) DISTRIBUTED BY HASH (`_row`) BUCKETS 1"
        )
        self.plan = mapping.plan(table, columns.of(warehouse, "dim_k"), ["k", "valid_from", "a", "b"])

    def clear(self) -> None:
        self.warehouse.write("TRUNCATE TABLE dw.dim_k")

    def apply(self, changes: list[Change]) -> int:
        """Loads changes; returns the rows written, and keeps in `changed` how many changes it was about."""
        self.warehouse.write("TRUNCATE TABLE dw.stage_k")
        values = [(n, None, k, BEGIN + timedelta(days=day), a, b) for n, (k, day, a, b) in enumerate(changes)]
        marks = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(values))
        self.warehouse.write(f"INSERT INTO dw.stage_k VALUES {marks}", [part for row in values for part in row])
        chain = scd2.Chain(self.table, "dw.dim_k", "dw.stage_k", self.plan, [])
        self.changed = int(self.warehouse.value(chain.changes()))
        return self.warehouse.write(chain.statement()).rows

    def infer(self, key: int) -> None:
        self.warehouse.write(
            "INSERT INTO dw.dim_k (k, valid_from, valid_to, is_current, is_inferred)"
            " VALUES (%s, '1970-01-01 00:00:00', '9999-12-31 00:00:00', TRUE, TRUE)",
            (key,),
        )

    def rows(self) -> list[dict[str, object]]:
        return self.warehouse.read("SELECT * FROM dw.dim_k ORDER BY k, valid_from")


@pytest.fixture(scope="module")
def dimension(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dimension]:
    folder = tmp_path_factory.mktemp("scd2")
    (folder / "dim_k.sql").write_text(FILE, encoding="utf-8")
    with Server(data=folder / "data") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARROCKS_HOST", "127.0.0.1")
        patch.setenv("STARROCKS_PORT", str(server.mysql_port))
        settings.cache_clear()
        warehouse = Warehouse(job="test", run_id="test")
        yield Dimension(warehouse, read_table(folder / "dim_k.sql"))
        warehouse.close()


def check_shape(rows: list[dict[str, object]]) -> None:
    """One open version a key, no gap, no overlap."""
    for key in {row["k"] for row in rows}:
        chain = [row for row in rows if row["k"] == key]
        assert [row["is_current"] for row in chain] == [0] * (len(chain) - 1) + [1]
        assert [row["valid_to"] for row in chain] == [*(row["valid_from"] for row in chain[1:]), OPEN]


def as_of(rows: list[dict[str, object]], key: int, day: int) -> object:
    at = BEGIN + timedelta(days=day, hours=1)
    found = [row for row in rows if row["k"] == key and row["valid_from"] <= at < row["valid_to"]]  # type: ignore[operator]
    assert len(found) <= 1
    return (found[0]["a"], found[0]["b"]) if found else None


def learn(model: Model, batch: list[Change]) -> int:
    """A change that changes nothing is not kept; any other is, or replaces the one of its instant. Returns how many."""
    changed = 0
    for key in {key for key, *_ in batch}:
        known = dict(model.setdefault(key, {}))
        model[key].update({day: (a, b) for each, day, a, b in batch if each == key})
        days = sorted(model[key])
        idle = [day for at, day in enumerate(days) if at and model[key][day] == model[key][days[at - 1]]]
        for day in idle:
            if day not in known:
                del model[key][day]
        changed += sum(known.get(day) != says for day, says in model[key].items())
    return changed


@given(st.lists(CHANGES, min_size=1, max_size=4))
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_history_reads_as_the_changes_say(dimension: Dimension, batches: list[list[Change]]) -> None:
    dimension.clear()
    model: Model = {}
    for batch in batches:
        dimension.apply(batch)
        assert dimension.changed == learn(model, batch)
        rows = dimension.rows()
        check_shape(rows)
        for key, changes in model.items():
            for day in range(9):
                known = [changes[at] for at in sorted(changes) if at <= day]
                assert as_of(rows, key, day) == (known[-1] if known else None)
        assert dimension.apply(batch) == 0, "the same changes again must write nothing"
        assert dimension.changed == 0
        assert dimension.rows() == rows


def test_an_inferred_member_takes_the_first_version_that_comes(dimension: Dimension) -> None:
    dimension.clear()
    dimension.infer(7)
    dimension.apply([(7, 2, "x", 1), (7, 5, "y", 1)])
    assert dimension.changed == 2, "one says what the member is, one makes a version"
    rows = dimension.rows()
    check_shape(rows)
    assert [(row["valid_from"].year, row["a"], row["is_inferred"]) for row in rows] == [(1970, "x", 0), (2026, "y", 0)]  # type: ignore[attr-defined]


def test_a_late_change_splits_a_closed_version(dimension: Dimension) -> None:
    dimension.clear()
    dimension.apply([(1, 0, "x", 1), (1, 8, "y", 1)])
    assert (dimension.apply([(1, 4, "z", 1)]), dimension.changed) == (2, 1)
    assert [row["a"] for row in dimension.rows()] == ["x", "z", "y"]
    check_shape(dimension.rows())
