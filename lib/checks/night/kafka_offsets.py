"""Each topic partition was loaded offset by offset: every load begins where the one before it ended."""

from __future__ import annotations

from collections.abc import Sequence

from lib import catalog
from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.reading import ACCEPTED_GAP, READ_AGAIN
from lib.warehouse import Row

SEVERITY: Severity = "CRITICAL"
_NAMED = 20


def question(night: Night) -> Question | None:
    """The places where the chain of loads is broken, and the gaps that somebody has accepted; of all nights.

    Ranges that were read again on request prove nothing and break nothing.
    """
    if not any(table.source and table.source.kind == "kafka" for table in catalog.tables().values()):
        return None
    chain = (
        "SELECT target, part, load_id, from_position, to_position, content, loaded_at, lag(to_position) OVER"
        " (PARTITION BY target, part ORDER BY loaded_at,"
        f" CASE WHEN content = '{ACCEPTED_GAP}' THEN 0 ELSE 1 END, CAST(from_position AS BIGINT)) AS ended_at"
        f" FROM {night.table('ops_load')} WHERE source LIKE 'kafka %' AND content NOT LIKE '{READ_AGAIN}%'"
    )
    broken = (
        f"SELECT target, part, load_id, ended_at, from_position, to_position, content FROM ({chain}) c"
        f" WHERE (ended_at IS NOT NULL AND ended_at <> from_position) OR content = '{ACCEPTED_GAP}'"
    )
    ordered = f"{broken} ORDER BY target, part, loaded_at, CAST(from_position AS BIGINT)"
    return Question(judge=lambda rows, _total: _judge(rows), query=f"{ordered};", statement=ordered)


def _judge(rows: Sequence[Row]) -> Verdict:
    faults = [_told(row) for row in rows if row["ended_at"] is not None and row["ended_at"] != row["from_position"]]
    accepted = sum(1 for row in rows if row["content"] == ACCEPTED_GAP)
    known = f"; {accepted} accepted gaps" if accepted else ""
    if not faults:
        return Verdict(True, f"no offset was left out or loaded twice{known}", wrong_rows=0)
    more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
    return Verdict(False, f"{'; '.join(faults[:_NAMED])}{more}{known}", wrong_rows=len(faults))


def _told(row: Row) -> str:
    ended, began = int(row["ended_at"]), int(row["from_position"])
    what = f"offsets {ended} to {began - 1} were left out" if began > ended else f"{began} to {ended - 1} came twice"
    return f"{row['target']} {row['part']}: {what} (load {row['load_id']})"
