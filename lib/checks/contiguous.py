"""`contiguous(match_seq)`: no number is missing between the lowest and the highest; the first ranges are named.

`contiguous(match_seq, settled_at, 3 days)`: a hole whose next number is younger than that may still be filled by a
late message or a partition that has not been read so far, and is only told. The numbers are a ring of 64 bits: they
may begin anew at 0 after 2^64 - 1. What is before the lowest and after the highest number is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from lib import checks, headers
from lib.catalog import Check
from lib.checks import Night, Question, Verdict
from lib.warehouse import Row, quote

USAGE = "contiguous(<column>) or contiguous(<column>, <datetime column>, <length of time>)"
_NAMED = 10
_RING = 2**64
# No loss is as large as half of the ring: such a hole is the part that the numbers have not reached.
_HALF = 2**63


def columns(check: Check) -> tuple[str, ...]:
    """The column of numbers, and that of times; also looks at the length of time."""
    if len(check.arguments) not in (1, 3) or (len(check.arguments) == 3 and not headers.duration(check.arguments[2])):
        raise check.line.wrong(f"expected {USAGE}")
    return checks.names(check, check.arguments[:2], USAGE)


def question(check: Check, table: str, night: Night) -> Question:
    """The holes: those that are due first, by their place."""
    named = columns(check)
    number = quote(named[0])
    young = "0"
    if len(named) == 2:
        late = headers.duration(check.arguments[2])
        assert late is not None
        young = f"CASE WHEN next_at > CAST('{night.now - late:%Y-%m-%d %H:%M:%S}' AS DATETIME) THEN 1 ELSE 0 END"
    at = f"max({quote(named[-1])})" if len(named) == 2 else "NULL"
    numbers = (
        f"SELECT {number} AS seq, {at} AS at FROM {night.table(table)} WHERE {number} IS NOT NULL GROUP BY {number}"
    )
    ordered = (
        "SELECT seq, lead(seq) OVER (ORDER BY seq) AS next_seq, lead(at) OVER (ORDER BY seq) AS next_at"
        f" FROM ({numbers}) n"
    )
    holes = f"SELECT seq, next_seq, {young} AS young FROM ({ordered}) o WHERE next_seq - seq > 1"
    listed = "SELECT seq + 1 AS first_missing, next_seq - 1 AS last_missing, next_seq - seq - 1 AS missing, young"

    def judge(rows: Sequence[Row], _total: int) -> Verdict:
        return _judge(rows, f"SELECT min({number}) AS low, max({number}) AS high FROM {night.table(table)}", night)

    return Question(
        judge=judge,
        query=f"{listed} FROM ({holes}) h ORDER BY seq LIMIT {checks.SHOWN_ROWS};",
        statement=(
            f"{listed}, count(*) OVER (PARTITION BY young) AS holes,"
            f" sum(next_seq - seq - 1) OVER (PARTITION BY young) AS total FROM ({holes}) h"
            f" ORDER BY CASE WHEN next_seq - seq > {_HALF} THEN 0 ELSE 1 END, young, seq LIMIT {_NAMED + 1}"
        ),
    )


def _judge(rows: Sequence[Row], ends: str, night: Night) -> Verdict:
    found = [{name: int(value) for name, value in row.items()} for row in rows]
    ring = found[0] if found and found[0]["missing"] >= _HALF else None
    due = [hole for hole in found if not hole["young"]]
    count, total = (due[0]["holes"], due[0]["total"]) if due else (0, 0)
    ranges = [(hole["first_missing"], hole["last_missing"]) for hole in due if hole is not ring]
    if ring:
        if ring in due:
            count, total = count - 1, total - ring["missing"]
        row = night.warehouse.read(ends)[0]
        before, after = int(row["low"]), _RING - 1 - int(row["high"])
        if before + after:
            # The hole across the end of the ring.
            count, total = count + 1, total + before + after
            ranges.append(((int(row["high"]) + 1) % _RING, (before - 1) % _RING))
    waiting = sum(1 for hole in found if hole["young"] and hole is not ring)
    late = "; some holes are young and may still be filled" if waiting else ""
    if not count:
        return Verdict(True, f"no number is missing{late}", wrong_rows=0, value=0.0)
    shown = ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in ranges[:_NAMED])
    more = f" and {count - len(ranges[:_NAMED])} more" if count > len(ranges[:_NAMED]) else ""
    holes = "1 range" if count == 1 else f"{count:,} ranges"
    return Verdict(False, f"{total:,} missing in {holes}: {shown}{more}{late}", wrong_rows=total, value=float(total))
