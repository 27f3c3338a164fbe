"""No member of a dimension is known from facts alone: its source has delivered each by now."""

from __future__ import annotations

from collections.abc import Iterable

from lib import catalog
from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.warehouse import Row

SEVERITY: Severity = "INFO"


def question(night: Night) -> Question | None:
    """The inferred members of each dimension that may have some; None when none may."""
    dimensions = sorted({name for table in catalog.tables().values() for name in table.infer})
    if not dimensions:
        return None
    counts = [
        f"SELECT '{name}' AS dimension, count(*) AS members FROM {night.table(name)} WHERE {_waiting(name)}"
        for name in dimensions
    ]
    shown = "; ".join(f"SELECT * FROM {night.table(name)} WHERE {_waiting(name)}" for name in dimensions)
    return Question(judge=lambda rows, _total: _judge(rows), query=f"{shown};", statement=" UNION ALL ".join(counts))


def _waiting(dimension: str) -> str:
    return "is_inferred AND is_current" if catalog.tables()[dimension].scd == 2 else "is_inferred"


def _judge(rows: Iterable[Row]) -> Verdict:
    counts = {row["dimension"]: int(row["members"]) for row in rows}
    told = ", ".join(f"{name}: {members:,}" for name, members in sorted(counts.items()) if members)
    waiting = sum(counts.values())
    measured = f"inferred members still waiting: {told}" if waiting else "no inferred members"
    return Verdict(waiting == 0, measured, wrong_rows=waiting, value=float(waiting))
