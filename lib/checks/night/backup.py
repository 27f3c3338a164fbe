"""The backup of this night is complete in the repository."""

from __future__ import annotations

from collections.abc import Sequence

from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.settings import settings
from lib.warehouse import Row

SEVERITY: Severity = "WARNING"


def question(night: Night) -> Question:
    """The backups of this night."""
    table = night.table("ops_backup")
    return Question(
        judge=lambda rows, _total: _judge(rows),
        query=f"SELECT * FROM {table} ORDER BY cycle DESC, finished_at DESC LIMIT 10;",
        statement=f"SELECT label, state, finished_at, error FROM {table} WHERE cycle = '{night.cycle}'",
    )


def _judge(rows: Sequence[Row]) -> Verdict:
    finished = [row for row in rows if row["state"] == "FINISHED"]
    if finished:
        return Verdict(True, f"{finished[-1]['label']}, finished {finished[-1]['finished_at']}")
    if rows:
        return Verdict(False, "; ".join(f"{row['label']} is {row['state']}: {row['error']}" for row in rows))
    why = "" if settings().backup_location else ": BACKUP_LOCATION is not set"
    return Verdict(False, f"no backup this night{why}")
