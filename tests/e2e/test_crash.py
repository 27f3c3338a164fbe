"""`kill -9` at any instant, then a rerun: the same rows as in a run that nobody disturbed."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.e2e.conftest import Night

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
    return {
        table: sorted(repr(tuple(row.values())) for row in night.sql(f"SELECT {columns} FROM {table}"))
        for table, columns in CONTENT.items()
    }


def back_to(night: Night, before: dict[str, list[dict[str, Any]]]) -> None:
    """Puts the tables back to what they were before the facts were loaded."""
    with night.connect() as connection, connection.cursor() as cursor:
        for table, rows in before.items():
            cursor.execute(f"TRUNCATE TABLE {table}")
            if rows:
                marks = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
                values = [value for row in rows for value in row.values()]
                cursor.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * len(rows))}", values)


def test_a_killed_load_gives_the_same_rows_when_it_is_run_again(night: Night) -> None:
    night.run("load_reference", "--force")
    night.run("load_dimensions", "--force")
    before = {table: night.sql(f"SELECT * FROM {table}") for table in CONTENT}
    began = time.monotonic()
    night.run("load_facts", "--force")
    duration = time.monotonic() - began
    undisturbed = content(night)
    assert len(undisturbed["fact_trade"]) > 300
    assert len(undisturbed["fact_sales"]) > 300

    instants, killed = random.Random(20261101), 0
    for _ in range(ROUNDS):
        back_to(night, before)
        process = night.start("load_facts", "--force")
        time.sleep(instants.uniform(0.05, duration))
        killed += process.poll() is None
        process.kill()
        process.communicate()
        night.run("load_facts", "--force")
        assert content(night) == undisturbed
    assert killed > ROUNDS // 2, "most of the kills must have met a running job"
    states = {row["state"] for row in night.sql("SELECT state FROM ops_job_run WHERE job = 'load_facts'")}
    assert "running" not in states
    assert "crashed" in states
    assert not [row for row in night.sql("SHOW TABLES FROM dw_stage") if "s_fact" in str(row)]
