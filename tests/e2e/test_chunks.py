"""A part of several chunks, each sent while the next one is spooled: killed, or failed in between."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator

import pytest

from emulator.server import Server
from lib.loading.stage import CHUNK_BYTES
from tests.e2e.act_wire import ActWire
from tests.e2e.small import Small, Zygote

LONG = """\
-- purpose: long texts
-- owner: me
-- source: files *.csv
-- refresh: incremental, morning
-- key: id

CREATE TABLE IF NOT EXISTS fact_long (id BIGINT NOT NULL, word STRING NOT NULL)
PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
WIDTH = 60_000
# One chunk that is full, and some of another.
ROWS = CHUNK_BYTES * 9 // 8 // WIDTH
FULL = {"rows": ROWS, "ids": ROWS, "bytes": ROWS * WIDTH}
TABLES = ("fact_long", "ops_load")
CHUNK = "BE PUT /api/dw_chunks_stage/"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, server: Server, seed: Zygote) -> Iterator[Small]:
    """A warehouse with one table, and a file that is larger than a chunk."""
    made = Small(tmp_path_factory.mktemp("chunks"), server, seed, "dw_chunks")
    made.write("warehouse/schema/fact_long.sql", LONG)
    made.run("migrate")
    path = made.folder / "sources" / "long.csv"
    with path.open("wb") as file:
        file.write(b"id,word\n")
        for number in range(ROWS):
            file.write(b"%d,%s\n" % (number, (b"%d " % number).ljust(WIDTH, b"x")))
    yield made
    path.unlink()


def _through(small: Small, chunk: int, act: Callable[[int], object]) -> tuple[int, str, list[str]]:
    """Loads into empty tables, something done when the n-th chunk comes: how it ended, what it told, the acts."""
    for table in TABLES:
        small.sql(f"TRUNCATE TABLE {table}")
    wire = ActWire(small.server.mysql_port, small.server.http_port, small.server.be_http_port)
    came = iter(range(1, 10))
    wire.acts.on_meeting(re.compile(re.escape(CHUNK)), lambda: act(pid) if next(came) == chunk else None, times=chunk)
    pid = small.start("load_facts", "--force", **wire.settings())
    try:
        wire.acts.began(pid)
        ended = small.end()
    finally:
        wire.close()
    assert "Traceback" not in ended.err
    return ended.code, ended.error, wire.acts.passed


def _found(small: Small) -> dict[str, int]:
    (found,) = small.sql(
        "SELECT count(*) AS n, count(DISTINCT id) AS ids, coalesce(sum(length(word)), 0) AS bytes FROM fact_long"
    )
    return {"rows": int(found["n"]), "ids": int(found["ids"]), "bytes": int(found["bytes"])}


def test_a_part_of_two_chunks_is_one_load(small: Small) -> None:
    code, told, acts = _through(small, 9, lambda _: None)
    assert code == 0, told
    assert sum(act.startswith(CHUNK) for act in acts) == 2
    assert acts.index("SQL COMMIT") > max(index for index, act in enumerate(acts) if act.startswith(CHUNK))
    assert _found(small) == FULL
    assert (small.stage_tables(), small.spool_files()) == ([], [])


@pytest.mark.parametrize(
    ("chunk", "told", "expected"),
    [(1, signal.SIGKILL, -9), (2, signal.SIGKILL, -9), (1, signal.SIGTERM, 143), (2, signal.SIGTERM, 143)],
)
def test_a_job_that_ends_while_a_chunk_is_under_way_leaves_nothing_and_is_done_again(
    small: Small, chunk: int, told: signal.Signals, expected: int
) -> None:
    code, error, acts = _through(small, chunk, lambda pid: os.kill(pid, told))
    assert code == expected, error
    assert "SQL COMMIT" not in acts
    assert _found(small)["rows"] == 0
    assert small.sql("SELECT part FROM ops_load") == []
    assert small.run("load_facts", "--force").document["rows"]["loaded"] == ROWS
    assert _found(small) == FULL
    assert (small.stage_tables(), small.spool_files()) == ([], [])


def test_a_chunk_that_cannot_be_sent_ends_the_load_with_what_was_wrong(small: Small) -> None:
    def spoil(_: int) -> None:
        (stage,) = small.stage_tables()
        small.sql(f"DROP TABLE {stage} FORCE", database="dw_chunks_stage")

    code, error, acts = _through(small, 1, spoil)
    assert code not in (0, 3)
    assert "Stream Load into dw_chunks_stage.s_fact_long" in error
    assert "SQL COMMIT" not in acts
    assert _found(small)["rows"] == 0
    assert (small.stage_tables(), small.spool_files()) == ([], [])
