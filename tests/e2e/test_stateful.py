"""Any history of producers, late and repeated rows, corrections, kills, reruns and restores: the tables equal a model.

The model knows nothing of stages and watermarks: a dimension is the history of each key, a versioned fact the highest
version of each key, an event fact the first event of each key. A restored backup takes the warehouse back, not its
sources: what has been loaded since is loaded again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from emulator.server import Server
from examples.broker import Broker
from tests.e2e.act_wire import ActWire
from tests.e2e.small import Small, zygote
from tests.e2e.test_crash_points import CUSTOMER, SALE, VISIT

DEEP = os.environ.get("NIGHTSHIFT_TEST_DEPTH") == "deep"
pytestmark = pytest.mark.timeout(4 * 3600 if DEEP else 300)
EXAMPLES, STEPS = (150, 30) if DEEP else (4, 8)
BEGAN = datetime(2026, 11, 1)
LATENESS = timedelta(days=1)
INFERRED_FROM = datetime(1970, 1, 1)
OPEN_END = datetime(9999, 12, 31)
# Facts of all days are within the lateness of their tables, as is what the broker holds.
EVENT_AT = 1793836800000
CUSTOMERS = st.integers(1, 3)
KEYS = st.integers(1, 5)


@dataclass
class Model:
    """What the warehouse must hold: facts, members of the dimension that they name, rows read, contents of files."""

    sales: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    members: set[int] = field(default_factory=set)
    read: int = 0
    loaded: set[tuple[str, int]] = field(default_factory=set)


class World:
    """What all histories share: a server, a broker with a topic for each history, a zygote."""

    small: Small
    server: Server
    producer: Producer
    broker: Broker
    histories = 0


class Histories(RuleBasedStateMachine):
    """One history of a warehouse."""

    def __init__(self) -> None:
        super().__init__()
        World.histories += 1
        self.small = Small(
            World.small.folder / str(World.histories), World.server, World.small.zygote, f"dw_{World.histories}"
        )
        self.topic = f"visit{World.histories}"
        self.small.environment["KAFKA_BOOTSTRAP_SERVERS"] = World.broker.bootstrap_servers
        self.clock = 0
        self.files = 0
        # What the sources hold: changes of customers, rows of files by their load order, events of the topic.
        self.changes: dict[tuple[int, datetime], str] = {}
        self.contents: dict[str, tuple[int, list[tuple[int, int, int, str]]]] = {}
        self.events: list[int] = []
        self.model = Model()
        # The last backup, and what it holds.
        self.backup: tuple[tuple[str, str], Model] | None = None
        self.backups = 0
        repository = {"BACKUP_LOCATION": f"file://{self.small.folder}/backups", "BACKUP_REPOSITORY": self.topic}
        self.small.environment |= repository

    @initialize()
    def lay_out(self) -> None:
        """An empty warehouse."""
        for name, text in (
            ("dim_customer", CUSTOMER.replace("-- tolerate: 2 rows\n", "")),
            ("fact_sale", SALE.replace("tolerate: 2 rows", "tolerate: 100%")),
            ("fact_visit", VISIT.replace("kafka visit", f"kafka {self.topic}")),
        ):
            self.small.write(f"warehouse/schema/{name}.sql", text)
        self.small.shop(
            "CREATE TABLE customer (customer_id INTEGER, region, updated_at, PRIMARY KEY (1, 3))".replace(
                "PRIMARY KEY (1, 3)", "PRIMARY KEY (customer_id, updated_at)"
            )
        )
        World.producer.produce(self.topic, b"[]", partition=0, timestamp=EVENT_AT)
        World.producer.flush(30)
        self.small.run("migrate")

    @rule(customer=CUSTOMERS, region=st.sampled_from("abc"), hours=st.integers(-20, 12))
    def change(self, customer: int, region: str, hours: int) -> None:
        """A customer moves: now, late, or at the instant of another change."""
        at = BEGAN + timedelta(hours=self.clock + hours)
        self.clock += max(hours, 0)
        self.changes[customer, at] = region
        with closing(sqlite3.connect(self.small.folder / "shop.db")) as shop, shop:
            shop.execute("INSERT OR REPLACE INTO customer VALUES (?, ?, ?)", (customer, region, str(at)))

    @rule(rows=st.lists(st.tuples(KEYS, st.integers(1, 4), CUSTOMERS, st.sampled_from(["open", "paid", "lost"])),
                        min_size=1, max_size=4))  # fmt: skip
    def drop(self, rows: list[tuple[int, int, int, str]]) -> None:
        """A file of sales: new ones, corrections in any order, repeats, states that no sale can have."""
        self.files += 1
        self._write(f"{self.files:03}.csv", rows)

    @precondition(lambda self: self.files)
    @rule(rows=st.lists(st.tuples(KEYS, st.integers(1, 4), CUSTOMERS, st.just("paid")), min_size=1, max_size=2),
          which=st.integers(0, 50))  # fmt: skip
    def replace(self, rows: list[tuple[int, int, int, str]], which: int) -> None:
        """A file gets other content."""
        self._write(f"{which % self.files + 1:03}.csv", rows)

    @rule(keys=st.lists(st.integers(0, 6), min_size=0, max_size=4))
    def happen(self, keys: list[int]) -> None:
        """A message of events; an id may come again."""
        value = "[" + ", ".join(f'{{"visit_id": {2**64 - 1 - key}}}' for key in keys) + "]"
        World.producer.produce(self.topic, value.encode(), partition=0, timestamp=EVENT_AT)
        World.producer.flush(30)
        self.events += [2**64 - 1 - key for key in keys]

    @rule()
    def load_dimensions(self) -> None:
        """The evening."""
        self.small.run("load_dimensions", "--force")
        self._check_dimension(loaded=True)

    @rule()
    def load_facts(self) -> None:
        """The morning."""
        self._expect_facts()
        self.small.run("load_facts", "--force", expect=(0, 3))
        self._check_facts()
        self._check_dimension(loaded=False)

    @rule(job=st.sampled_from(["load_facts", "load_dimensions"]), at=st.integers(3, 60),
          side=st.sampled_from(["before", "after"]))  # fmt: skip
    def kill(self, job: str, at: int, side: Any) -> None:
        """A run that dies, and the next, which does not."""
        wire = ActWire(World.server.mysql_port, World.server.http_port, World.server.be_http_port)
        wire.acts.die_at, wire.acts.side = at, side
        try:
            wire.acts.began(self.small.start(job, "--force", **wire.settings()))
            ended = self.small.end()
        finally:
            wire.close()
        assert ended.code in (-9, 0, 3), ended.err[-3000:]
        self.load_facts() if job == "load_facts" else self.load_dimensions()

    @rule()
    def back_up(self) -> None:
        """A backup of the warehouse as it is now."""
        self.backups += 1
        now = {"NIGHTSHIFT_NOW": f"2026-11-20T05:00:{self.backups:02}"}
        told = self.small.run("backup", "--force", "--again", **now).document["backup"]
        self.backup = (told["label"], told["timestamp"]), deepcopy(self.model)

    @precondition(lambda self: self.backup)
    @rule()
    def restore(self) -> None:
        """The warehouse is lost, and comes back as it was."""
        assert self.backup
        (label, timestamp), held = self.backup
        name = self.small.database
        self.small.sql(f"DROP DATABASE {name} FORCE", database="information_schema")
        self.small.sql(f"CREATE DATABASE {name}", database="information_schema")
        self.small.sql(
            f"RESTORE SNAPSHOT {name}.{label} FROM {self.topic}"
            f' PROPERTIES ("backup_timestamp" = "{timestamp}", "replication_num" = "1")'
        )
        while (state := self.small.sql(f"SHOW RESTORE FROM {name}")[-1]["State"]) != "FINISHED":
            assert state != "CANCELLED"
            time.sleep(0.05)
        self.model = deepcopy(held)

    def teardown(self) -> None:
        """After the last run of everything nothing changes any more."""
        if self.small.folder.joinpath("shop.db").exists():
            self.load_facts()
            self.load_dimensions()
            before = [self.small.rows(table) for table in ("dim_customer", "fact_sale", "fact_visit")]
            self.small.run("load_dimensions", "--force")
            self.small.run("load_facts", "--force")
            assert before == [self.small.rows(table) for table in ("dim_customer", "fact_sale", "fact_visit")]
        super().teardown()

    def _write(self, name: str, rows: list[tuple[int, int, int, str]]) -> None:
        # A comment of its own makes every content new; the same content again is another test's matter.
        self.clock += 1
        lines = [f"{key},2026-11-0{key},{version},{who},{state},{self.clock}\n" for key, version, who, state in rows]
        text = "sale_id,sale_date,version,customer_id,state,note\n" + "".join(lines)
        self.small.write(f"sources/{name}", text)
        self.contents[name] = (self.clock, rows)

    def _expect_facts(self) -> None:
        """What the files that are new do to the model, in the order in which they are read: by name."""
        model = self.model
        for name, (content, rows) in sorted(self.contents.items()):
            if (name, content) in model.loaded:
                continue
            model.loaded.add((name, content))
            model.read += len(rows)
            for key, version, who, state in rows:
                if state == "lost":
                    continue
                model.members.add(who)
                if key not in model.sales or version >= model.sales[key][0]:
                    model.sales[key] = (version, who, state)

    def _check_facts(self) -> None:
        rows = self.small.sql("SELECT sale_id, version, customer_id, state FROM fact_sale")
        held = {row["sale_id"]: (row["version"], row["customer_id"], row["state"]) for row in rows}
        assert held == self.model.sales
        visits = [int(row["visit_id"]) for row in self.small.sql("SELECT visit_id FROM fact_visit")]
        assert sorted(visits) == sorted(set(self.events))
        for row in self.small.sql("SELECT * FROM ops_load"):
            assert row["rows_read"] == row["rows_loaded"] + row["rows_repeated"] + row["rows_quarantined"]
        (read,) = self.small.sql("SELECT sum(rows_read) AS n FROM ops_load WHERE target = 'fact_sale'")
        assert int(read["n"] or 0) == self.model.read
        (mark,) = self.small.sql("SELECT position FROM ops_watermark WHERE part = %s", (f"{self.topic}/0",))
        (most,) = self.small.sql(
            "SELECT max(CAST(to_position AS BIGINT)) AS n FROM ops_load WHERE target = 'fact_visit'"
        )
        assert int(mark["position"]) == most["n"]
        self._check_residue()

    def _check_dimension(self, *, loaded: bool) -> None:
        rows = self.small.sql("SELECT * FROM dim_customer ORDER BY customer_id, valid_from")
        held: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            held.setdefault(row["customer_id"], []).append(row)
        for versions in held.values():
            ends = [version["valid_to"] for version in versions]
            assert ends == [*(version["valid_from"] for version in versions[1:]), OPEN_END]
            assert [bool(version["is_current"]) for version in versions] == [False] * (len(versions) - 1) + [True]
        if loaded:
            known = {customer for customer, _ in self.changes}
            assert set(held) == known | self.model.members
            for customer in known:
                self._check_history(customer, held[customer])
        self._check_residue()

    def _check_history(self, customer: int, versions: list[dict[str, Any]]) -> None:
        """At the instant of each change the dimension says what the change said."""
        for (who, at), region in self.changes.items():
            if who == customer:
                said = [row["region"] for row in versions if row["valid_from"] <= at < row["valid_to"]]
                assert said == [region], f"customer {customer} at {at}"
        assert not any(row["is_inferred"] for row in versions)

    def _check_residue(self) -> None:
        assert self.small.stage_tables() == []
        assert self.small.spool_files() == []
        # A restored ledger has the run that made the backup as it was then.
        states = {row["state"] for row in self.small.sql("SELECT state FROM ops_job_run WHERE job <> 'backup'")}
        assert "running" not in states


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("histories")
    topics = tuple(f"visit{number}" for number in range(1, 3 * EXAMPLES))
    with Server(data=folder / "server") as server, Broker(topics, 1) as broker, zygote(folder) as seed:
        World.server, World.broker = server, broker
        World.small = Small(folder, server, seed, "dw_0")
        World.producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        World.histories = 0
        yield


@pytest.mark.usefixtures("world")
def test_the_tables_equal_the_model_after_any_history() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not DEEP,
            database=None,
            phases=(Phase.generate, Phase.shrink) if DEEP else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.usefixtures("world")
def test_what_was_loaded_after_the_backup_is_loaded_again_after_its_restore() -> None:
    history = Histories()
    history.lay_out()
    history.change(1, "a", 1)
    history.drop([(1, 1, 1, "open"), (2, 1, 3, "open")])
    history.happen([1, 2])
    history.load_dimensions()
    history.load_facts()
    history.back_up()
    history.change(1, "b", 1)
    history.drop([(1, 2, 2, "paid"), (3, 1, 1, "lost")])
    history.replace([(2, 4, 1, "paid")], 0)
    history.happen([2, 3])
    history.load_facts()
    history.load_dimensions()
    history.replace([(2, 3, 1, "paid")], 0)
    history.restore()
    history.load_dimensions()
    history.load_facts()
    assert history.model.sales == {1: (2, 2, "paid"), 2: (3, 1, "paid")}
    history.teardown()
