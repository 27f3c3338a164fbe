"""Deletes of a full snapshot: tombstones, keys that come back, and a snapshot that cannot be true."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from emulator.server import Server
from lib import columns
from lib.catalog import TableFile, read_table
from lib.loading import mapping, scd2, upsert
from lib.settings import settings
from lib.warehouse import Warehouse
from tests.jobs.conftest import Completed

HEADER = """\
-- purpose: a test
-- owner: me
-- source: sql shop: member
-- refresh: full, evening
-- key: k
-- deletes: snapshot, 50%
-- scd: {scd}
"""
COLUMNS = 'a VARCHAR(5) NULL, is_deleted BOOLEAN NOT NULL DEFAULT "false", is_inferred BOOLEAN NOT NULL DEFAULT "false"'
ONE = f"""{HEADER.format(scd=1)}
CREATE TABLE IF NOT EXISTS dim_one (k INT NOT NULL, {COLUMNS})
PRIMARY KEY (k) DISTRIBUTED BY HASH (k) BUCKETS 1;
"""
TWO = f"""{HEADER.format(scd=2)}-- column: valid_from = updated_at

CREATE TABLE IF NOT EXISTS dim_two (
    k INT NOT NULL, valid_from DATETIME NOT NULL, valid_to DATETIME NOT NULL, is_current BOOLEAN NOT NULL, {COLUMNS}
) PRIMARY KEY (k, valid_from) DISTRIBUTED BY HASH (k) BUCKETS 1;
"""
Load = Callable[..., Completed]
Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def load(
    warehouse_dir: Callable[[Mapping[str, str]], Path],
    run_job: Load,
    environment: dict[str, str],
    tmp_path: Path,
) -> Load:
    """Makes the source what the keys say, and loads a dimension."""
    warehouse_dir({"schema/dim_one.sql": ONE, "schema/dim_two.sql": TWO})
    environment["CONNECTION_SHOP"] = f"sqlite:///{tmp_path / 'shop.db'}"
    assert run_job("migrate").exit_code == 0

    def loaded(name: str, members: dict[int, str], *options: str) -> Completed:
        with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
            database.execute("DROP TABLE IF EXISTS member")
            database.execute("CREATE TABLE member (k INTEGER PRIMARY KEY, a, updated_at)")
            rows = [(k, a, "2026-10-01 00:00:00") for k, a in members.items()]
            database.executemany("INSERT INTO member VALUES (?, ?, ?)", rows)
        return run_job("load_dimensions", "--force", "--only", name, *options)

    return loaded


def marked(sql: Sql, name: str, where: str = "TRUE") -> dict[int, tuple[str, int]]:
    rows = sql(f"SELECT k, a, is_deleted FROM {name} WHERE {where}")
    return {row["k"]: (row["a"], row["is_deleted"]) for row in rows}


@pytest.mark.parametrize(("name", "where"), [("dim_one", "TRUE"), ("dim_two", "is_current")])
def test_a_key_that_is_gone_is_marked_and_one_that_comes_back_is_not(
    load: Load, sql: Sql, name: str, where: str
) -> None:
    assert load(name, {1: "a", 2: "b", 3: "c"}).document["rows"]["loaded"] == 3
    gone = load(name, {1: "a", 3: "c"})
    assert (gone.document["rows"]["loaded"], gone.document["rows"]["repeated"]) == (0, 2), "no row of the source is new"
    assert gone.document["notes"] == [f"{name}: 1 rows are not in the source any more, marked as deleted"]
    assert marked(sql, name, where) == {1: ("a", 0), 2: ("b", 1), 3: ("c", 0)}
    before = sql(f"SELECT * FROM {name}")
    again = load(name, {1: "a", 3: "c"})
    assert (again.exit_code, again.document["rows"]["loaded"], sql(f"SELECT * FROM {name}")) == (0, 0, before)
    assert load(name, {1: "a", 2: "b", 3: "c"}).document["rows"]["loaded"] == 1
    assert marked(sql, name, where) == {1: ("a", 0), 2: ("b", 0), 3: ("c", 0)}
    assert sql("SELECT target FROM ops_load WHERE rows_read <> rows_loaded + rows_repeated + rows_quarantined") == []


@pytest.mark.parametrize(("name", "left"), [("dim_one", {}), ("dim_two", {1: "new"})])
def test_a_snapshot_that_lacks_too_much_stops_the_load(load: Load, sql: Sql, name: str, left: dict[int, str]) -> None:
    load(name, {1: "a", 2: "b", 3: "c"})
    stopped = load(name, left)
    assert stopped.exit_code == 1
    assert f"{3 - len(left)} of 3 rows are not in the snapshot" in stopped.error
    assert "--allow-deletes" in stopped.document["hint"]
    assert marked(sql, name) == {1: ("a", 0), 2: ("b", 0), 3: ("c", 0)}
    assert load(name, left, "--allow-deletes").exit_code == 0
    assert set(marked(sql, name, "is_deleted")) == {1, 2, 3} - set(left)


def test_one_snapshot_that_lacks_too_much_beside_another_that_is_whole(
    load: Load, run_job: Load, sql: Sql, warehouse_dir: Callable[[Mapping[str, str]], Path], tmp_path: Path
) -> None:
    load("dim_one", {1: "a", 2: "b", 3: "c"})
    warehouse_dir({"schema/dim_two.sql": TWO.replace("snapshot, 50%", "snapshot, 90%")})
    load("dim_two", {1: "a", 2: "b", 3: "c"})
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("DELETE FROM member WHERE k > 1")
    both = run_job("load_dimensions", "--force")
    assert (both.exit_code, both.document["state"]) == (1, "partial")
    assert "2 of 3 rows are not in the snapshot" in both.error
    assert {step["step"]: (step["state"], step["rows"]["read"]) for step in both.document["steps"]} == {
        "dim_one": ("failed", 1),
        "dim_two": ("done", 1),
    }
    assert len(marked(sql, "dim_one", "NOT is_deleted")) == 3
    assert set(marked(sql, "dim_two", "is_deleted")) == {2, 3}
    (run,) = sql("SELECT state, exit_code, rows_read FROM ops_job_run ORDER BY started_at DESC, run_id DESC LIMIT 1")
    assert run == {"state": "partial", "exit_code": 1, "rows_read": 2}


BEGIN = datetime(2026, 1, 1)
Snapshot = dict[int, tuple[int, str]]
SNAPSHOTS = st.lists(
    st.dictionaries(st.integers(1, 3), st.tuples(st.integers(0, 5), st.sampled_from(["x", "y"]))),
    min_size=1,
    max_size=4,
)


class Dimensions:
    """Both dimensions on an embedded server, with a stage table each."""

    def __init__(self, warehouse: Warehouse, tables: dict[str, TableFile]) -> None:
        self.warehouse, self.tables, self.changed = warehouse, tables, 0
        warehouse.write("CREATE DATABASE IF NOT EXISTS dw")
        for name, table in tables.items():
            warehouse.write(table.ddl.replace(f"EXISTS {name}", f"EXISTS dw.{name}"))
        stage = "`_row` BIGINT NOT NULL, `_source` STRING NULL, k INT NULL, a VARCHAR(5) NULL, is_deleted BOOLEAN NULL"
        for name, more in (("one", ""), ("two", ", valid_from DATETIME NULL")):
            warehouse.write(
                f"CREATE TABLE dw.stage_{name} ({stage}{more}) DUPLICATE KEY (`_row`)"
                " DISTRIBUTED BY HASH (`_row`) BUCKETS 1"
            )

    def clear(self) -> None:
        for name in self.tables:
            self.warehouse.write(f"TRUNCATE TABLE dw.{name}")

    def apply(self, name: str, snapshot: Snapshot, night: int) -> int:
        """Loads a snapshot; returns the rows written, and keeps in `changed` how many of the snapshot's are news."""
        table, stage = self.tables[name], f"dw.stage_{name[4:]}"
        self.warehouse.write(f"TRUNCATE TABLE {stage}")
        rows = [
            [number, None, k, a, False, *([BEGIN + timedelta(days=day)] if name == "dim_two" else [])]
            for number, (k, (day, a)) in enumerate(snapshot.items())
        ]
        if rows:
            marks = ", ".join([f"({', '.join(['%s'] * len(rows[0]))})"] * len(rows))
            self.warehouse.write(f"INSERT INTO {stage} VALUES {marks}", [value for row in rows for value in row])
        plan = mapping.plan(table, columns.of(self.warehouse, name, "dw"), ["k", "a", "updated_at"])
        if name == "dim_two":
            at = str(BEGIN + timedelta(days=10 + night))
            chain = scd2.Chain(table, f"dw.{name}", stage, plan, [], at)
            text = chain.statement()
            self.changed = int(self.warehouse.value(chain.changes()))
        else:
            text = upsert.Upsert(table, f"dw.{name}", stage, plan, (), (), "", False, True, marks=True).statement()
        return self.warehouse.write(text).rows


@pytest.fixture(scope="module")
def dimensions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dimensions]:
    folder = tmp_path_factory.mktemp("deletes")
    tables = {}
    for name, text in (("dim_one", ONE), ("dim_two", TWO)):
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
        tables[name] = read_table(folder / f"{name}.sql")
    with Server(data=folder / "data") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARROCKS_HOST", "127.0.0.1")
        patch.setenv("STARROCKS_PORT", str(server.mysql_port))
        settings.cache_clear()
        warehouse = Warehouse(job="test", run_id="test")
        yield Dimensions(warehouse, tables)
        warehouse.close()
        settings.cache_clear()


@given(SNAPSHOTS)
@hypothesis_settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_after_each_snapshot_exactly_its_members_are_there(dimensions: Dimensions, snapshots: list[Snapshot]) -> None:
    dimensions.clear()
    seen: dict[int, str] = {}
    newest: dict[int, int] = {}
    there: dict[int, str] = {}
    for night, members in enumerate(snapshots):
        # A row that is older than the one that was there is no change of a source.
        snapshot = {k: (max(day, newest.get(k, 0)) + night, a) for k, (day, a) in members.items()}
        newest.update({k: day for k, (day, _) in snapshot.items()})
        seen.update({k: a for k, (_, a) in snapshot.items()})
        for name, where in (("dim_one", "TRUE"), ("dim_two", "is_current")):
            dimensions.apply(name, snapshot, night)
            rows = dimensions.warehouse.read(f"SELECT k, a, is_deleted FROM dw.{name} WHERE {where}")
            assert {row["k"]: (row["a"], bool(row["is_deleted"])) for row in rows} == {
                k: (a, k not in snapshot) for k, a in seen.items()
            }
            assert len(rows) == len(seen)
            if name == "dim_two":
                assert dimensions.changed == sum(there.get(k) != a for k, (_, a) in snapshot.items())
            assert dimensions.apply(name, snapshot, night + 1) == 0, "the same snapshot again must write nothing"
        there = {k: a for k, (_, a) in snapshot.items()}
        chains = dimensions.warehouse.read("SELECT k, valid_from, valid_to FROM dw.dim_two ORDER BY k, valid_from")
        for earlier, later in itertools.pairwise(chains):
            assert earlier["k"] != later["k"] or earlier["valid_to"] == later["valid_from"]
