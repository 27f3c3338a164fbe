"""Every materialized view of views/materialized/ is there and active: an inactive one answers with old rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.settings import settings
from lib.warehouse import Row

SEVERITY: Severity = "CRITICAL"


def question(night: Night) -> Question:
    """What StarRocks says of each (fe/.../catalog/system/information/MaterializedViewsSystemTable.java)."""
    expected = declared()
    views = (
        "SELECT TABLE_NAME AS view_name, IS_ACTIVE AS is_active, INACTIVE_REASON AS reason"
        f" FROM information_schema.materialized_views WHERE TABLE_SCHEMA = '{night.warehouse.database}'"
    )
    return Question(
        judge=lambda rows, _total: _judge(expected, rows),
        query=f"{views} AND IS_ACTIVE <> 'true';",
        statement=views,
    )


def declared() -> list[str]:
    """The materialized views that the warehouse's files declare."""
    return sorted(path.stem for path in (settings().warehouse_dir / "views" / "materialized").glob("mv_*.sql"))


def _judge(expected: Sequence[str], rows: Iterable[Row]) -> Verdict:
    found = {row["view_name"]: row for row in rows}
    faults = [f"{name} does not exist" for name in expected if name not in found]
    for name, row in found.items():
        if str(row["is_active"]).lower() not in ("true", "1"):
            faults.append(f"{name} is inactive ({row['reason'] or 'no reason given'})")
    return Verdict(not faults, "; ".join(faults) or f"{len(found)} materialized views, all active")
