"""`kill -9` at any instant, then a rerun: the same rows as in a run that nobody disturbed."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

from tests.e2e.conftest import Night
from tests.e2e.small import Zygote, kill

# What a load leaves behind, without the columns that name a run.
CONTENT = {
    "fact_trade": "*",
    "fact_sales": "*",
    "dim_user": "*",
    "dim_customer": "*",
    "dim_material": "*",
    "ops_watermark": "target, part, position",
    "ops_quarantine": "target, row_id, reason, column_name, value, source, coordinates, row_text, accepted",
    "ops_load": "target, part, content, from_position, to_position, rows_read, rows_loaded, rows_quarantined",
}
ROUNDS = 20


def content(night: Night) -> dict[str, list[str]]:
    """Every row of every table, in an order of its own."""
    found = {}
    with night.connect() as connection, connection.cursor() as cursor:
        for table, columns in CONTENT.items():
            cursor.execute(f"SELECT {columns} FROM {table}")
            found[table] = sorted(repr(tuple(row.values())) for row in cursor.fetchall())
    return found


def back_to(night: Night, before: dict[str, list[dict[str, Any]]]) -> None:
    """Puts the tables back to what they were before the facts were loaded."""
    with night.connect() as connection, connection.cursor() as cursor:
        for table, rows in before.items():
            cursor.execute(f"TRUNCATE TABLE {table}")
            if rows:
                marks = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
                values = [value for row in rows for value in row.values()]
                cursor.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * len(rows))}", values)


def test_a_killed_load_gives_the_same_rows_when_it_is_run_again(night: Night, seed: Zygote) -> None:
    # Forked, a job is at its work at once: no instant falls into the start of an interpreter.
    environment = {**night.environment, "NIGHTSHIFT_NOW": "2026-11-02T05:00:00"}
    load = (["load_facts", "--force"], environment)
    night.run("load_reference", "--force")
    night.run("load_dimensions", "--force")
    before = {table: night.sql(f"SELECT * FROM {table}") for table in CONTENT}
    began = time.monotonic()
    seed.start(*load)
    assert seed.end().code == 0
    duration = time.monotonic() - began
    undisturbed = content(night)
    assert len(undisturbed["fact_trade"]) > 300
    assert len(undisturbed["fact_sales"]) > 300

    instants, killed = random.Random(20261101), 0
    for _ in range(ROUNDS):
        back_to(night, before)
        pid = seed.start(*load)
        time.sleep(instants.uniform(0.01, duration))
        kill(pid)
        killed += seed.end().code == -signal.SIGKILL
        seed.start(*load)
        again = seed.end()
        assert again.code == 0, again.err[-4000:]
        assert content(night) == undisturbed
    assert killed > ROUNDS // 2, "most of the kills must have met a running job"
    states = {row["state"] for row in night.sql("SELECT state FROM ops_job_run WHERE job = 'load_facts'")}
    assert "running" not in states
    assert "crashed" in states
    assert not [row for row in night.sql("SHOW TABLES FROM dw_stage") if "s_fact" in str(row)]
