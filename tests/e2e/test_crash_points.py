"""`kill -9` exactly before each act that others can see, and exactly after it, then the job again: the same rows.

The acts are those of a recorded run that nobody disturbs, so none can be forgotten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from confluent_kafka import Producer

from emulator.server import Server
from examples.broker import Broker
from tests.e2e.act_wire import ActWire, Side
from tests.e2e.small import Small, zygote
from tests.shop import COLOUR, CUSTOMER, tolerant

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: sale_id
-- version: version
-- lateness: 5 days
-- tolerate: 2 rows
-- infer: dim_customer.customer_id
-- column: source_line = _line
-- check: CRITICAL references(customer_id, dim_customer.customer_id)
-- check: CRITICAL accepted(state, 'open', 'paid')

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_date DATE NOT NULL, sale_id BIGINT NOT NULL, version INT NOT NULL, customer_id INT NULL,
    state VARCHAR(5) NOT NULL, source_line BIGINT NOT NULL
) PRIMARY KEY (sale_date, sale_id) PARTITION BY date_trunc('day', sale_date) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
VISIT = """\
-- purpose: what happens
-- owner: me
-- source: kafka visit
-- refresh: incremental, morning
-- key: visit_id
-- lateness: 2 days
-- tolerate: 2 rows
-- column: at_day = to_date(to_datetime_ntz(_timestamp, 3))
-- column: from_offset = _offset

CREATE TABLE IF NOT EXISTS fact_visit (
    at_day DATE NOT NULL, visit_id LARGEINT NOT NULL, from_offset BIGINT NOT NULL
) PRIMARY KEY (at_day, visit_id) PARTITION BY date_trunc('day', at_day) DISTRIBUTED BY HASH (visit_id) BUCKETS 1;
"""
# Everything that a load leaves behind, without what names a run; of its ledger rows those that brought something.
CONTENT = {
    "dim_colour": "*",
    "dim_customer": "*",
    "fact_sale": "*",
    "fact_visit": "*",
    "ops_watermark": "target, part, position",
    "ops_quarantine": "target, row_id, reason, column_name, value, source, coordinates, row_text, accepted",
    "ops_load WHERE rows_loaded > 0": "target, part, content, from_position, to_position, rows_read, rows_loaded,"
    " rows_repeated, rows_quarantined",
}
TABLES = (*dict.fromkeys(name.split()[0] for name in CONTENT), "ops_job_run", "ops_job_step")
# The acts that each load is known to consist of; an act of a recording that is none of them has to be added here.
KINDS = {
    "session": r"SQL (SET |SELECT @@)",
    "open the ledger": r"SQL (INSERT INTO|SELECT .* FROM) ops_job_run",
    "sweep": r"SQL SELECT TABLE_NAME FROM information_schema.tables",
    "look": r"SQL (SELECT .*information_schema\.|SHOW |SELECT ('watermark' AS kind|position|DISTINCT part))",
    "stage, drop": r"SQL DROP TABLE IF EXISTS `\w+_stage`",
    "stage, create": r"SQL CREATE TABLE `\w+_stage`",
    "Stream Load, frontend": r"FE PUT /api/\w+_stage/",
    "Stream Load, backend": r"BE PUT /api/\w+_stage/",
    "count": r"SQL SELECT count\(\*\) AS n FROM `\w+_stage`",
    "audit": r"SQL SELECT (count\(CASE|s\.`_row`)",
    "quarantine, frontend": r"FE PUT /api/\w+/ops_quarantine/",
    "quarantine, backend": r"BE PUT /api/\w+/ops_quarantine/",
    "earlier rejects": r"SQL (SELECT .*|UPDATE |INSERT INTO )ops_quarantine",
    "changed versions": r"SQL WITH incoming AS",
    "BEGIN": r"SQL BEGIN WITH LABEL",
    "unknown members": r"SQL SELECT count\(\*\) AS n FROM \(SELECT (DISTINCT )?m\.member",
    "inferred members": r"SQL INSERT INTO `\w+`\.`dim_customer` \(`customer_id`, `is_inferred`",
    "bounds": r"SQL SELECT min\(",
    "rows": r"SQL INSERT INTO `\w+`\.`(fact|dim)_\w+`",
    "rows there": r"SQL SELECT count\(\*\) AS n FROM `\w+`\.`dim_",
    "overwrite": r"SQL INSERT OVERWRITE",
    "watermark": r"SQL INSERT INTO ops_watermark",
    "ledger": r"SQL INSERT INTO ops_load",
    "COMMIT": r"SQL COMMIT",
    "read back": r"SQL SELECT load_id FROM ops_load",
    "steps": r"SQL INSERT INTO ops_job_step",
}
COMMON = {"stage, create", "Stream Load, frontend", "Stream Load, backend", "count", "quarantine, backend", "BEGIN",
          "ledger", "COMMIT", "read back", "stage, drop", "steps", "open the ledger"}  # fmt: skip
IN_TRANSACTION = {"overwrite", "rows", "COMMIT"}
SIDES: tuple[Side, Side] = ("before", "after")
# Every act on both sides, instead of every kind of act: for a nightly run.
DEEP = os.environ.get("NIGHTSHIFT_TEST_DEPTH") == "deep"
pytestmark = pytest.mark.timeout(4 * 3600 if DEEP else 300)
EXPECTED = {
    "load_facts": COMMON | {"audit", "unknown members", "inferred members", "bounds", "rows", "watermark"},
    "load_dimensions": COMMON | {"rows", "watermark"},
    "load_reference": COMMON | {"overwrite", "rows there"},
}


@dataclass
class Night:
    """The small warehouse, and its server behind a wire that kills."""

    small: Small
    server: Server

    def content(self) -> dict[str, list[str]]:
        """What loads have left behind."""
        return {table: self.small.rows(table, columns) for table, columns in CONTENT.items()}

    def record(self, job: str) -> list[str]:
        """Runs a job undisturbed; its acts."""
        return self._through(job, -1, "before")[1]

    def disturb(self, job: str, at: int, side: Side) -> list[str]:
        """Runs a job that is killed at one act; the acts that passed."""
        code, passed = self._through(job, at, side)
        assert code == -9, f"the job was to die at act {at} and ended with {code}"
        return passed

    def _through(self, job: str, at: int, side: Side) -> tuple[int, list[str]]:
        wire = ActWire(self.server.mysql_port, self.server.http_port, self.server.be_http_port)
        wire.acts.die_at, wire.acts.side = at, side
        try:
            wire.acts.began(self.small.start(job, "--force", **wire.settings()))
            ended = self.small.end()
        finally:
            wire.close()
        assert at >= 0 or ended.code in (0, 3), ended.err[-4000:]
        return ended.code, wire.acts.passed


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("crash")
    with Server(data=folder / "server") as server, Broker(("visit",), 1) as broker, zygote(folder) as seed:
        small = Small(folder, server, seed, "dw")
        small.environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        tables = {"dim_customer": tolerant(CUSTOMER, "2 rows"), "dim_colour": tolerant(COLOUR, "1 row")}
        for name, text in {**tables, "fact_sale": SALE, "fact_visit": VISIT}.items():
            small.write(f"warehouse/schema/{name}.sql", text)
        _fill(small, broker)
        small.run("migrate")
        yield Night(small, server)


def _fill(small: Small, broker: Broker) -> None:
    small.write("warehouse/reference-data/dim_colour.csv", "colour,hex\nred,#f00\nblue,\ngreen,far too long\n")
    header = "sale_id,sale_date,version,customer_id,state\n"
    small.write("sources/a.csv", header + "1,2026-11-01,1,7,open\n2,2026-11-01,1,8,open\n3,2026-11-02,1,9,lost\n")
    small.write("sources/b.csv", header + "1,2026-11-01,2,7,paid\nx,2026-11-02,1,7,open\n4,2026-11-03,1,,open\n")
    small.shop(
        "CREATE TABLE customer (customer_id INTEGER, region, updated_at, PRIMARY KEY (customer_id, updated_at))",
        "INSERT INTO customer VALUES (7, 'north', '2026-10-01 00:00:00'), (7, 'south', '2026-10-05 00:00:00'),"
        " (9, 'west', '2026-10-05 00:00:00'), (10, 'far too long to fit', '2026-10-05 00:00:00')",
    )
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    for number, value in enumerate(
        (b'[{"visit_id": 1}, {"visit_id": 18446744073709551615}]', b"poison", b'{"visit_id":1}')
    ):
        producer.produce("visit", value, partition=0, timestamp=1793836800000 + number)
    producer.flush(30)


def _kind(act: str) -> str:
    found = [kind for kind, pattern in KINDS.items() if re.match(pattern, act)]
    assert found, f"an act that no kind covers: {act}"
    return found[0]


def _points(job: str, acts: list[str]) -> list[tuple[int, Side]]:
    """Where the job dies: at each kind of act once, at the acts of its transaction on both sides.

    What a kind of act leaves behind does not depend on the job, so the shorter jobs die in their transactions alone.
    """
    if DEEP:
        return [(index, side) for index in range(len(acts)) for side in SIDES]
    kinds = [_kind(act) for act in acts]
    last = {kind: len(kinds) - 1 - kinds[::-1].index(kind) for kind in kinds}
    wanted = set(last) if job == "load_facts" else set(last) & IN_TRANSACTION
    return sorted((last[kind], side) for kind in wanted for side in (SIDES if kind in IN_TRANSACTION else SIDES[1:]))


@pytest.mark.parametrize("job", ["load_reference", "load_dimensions", "load_facts"])
def test_a_job_that_is_killed_at_any_act_and_run_again_gives_the_same_rows(night: Night, job: str) -> None:
    before = night.small.keep(TABLES)
    acts = night.record(job)
    assert EXPECTED[job] <= {_kind(act) for act in acts}
    undisturbed = night.content()
    assert undisturbed["ops_quarantine"]
    for number, (index, side) in enumerate(_points(job, acts)):
        where = f"killed {side} act {index} of {job}: {acts[index][:200]}"
        night.small.put_back(before)
        passed = night.disturb(job, index, side)
        assert [_kind(act) for act in passed] == [_kind(act) for act in acts[: index + 1]], where
        night.small.run(job, "--force", expect=(0, 3))
        assert night.content() == undisturbed, where
        assert night.small.stage_tables() == [], where
        assert night.small.spool_files() == [], where
        if number % 5 == 0:
            night.small.run(job, "--force", expect=(0, 3))
            assert night.content() == undisturbed, f"a second rerun, {where}"
