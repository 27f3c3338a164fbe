"""Rebuild the last business days of each aggregate from the facts.

Morning, after refresh_views. Safe to rerun at any time: a window is replaced as a whole.
Another window: ./run build_aggregates --only agg_customer_month --since 2026-09-01 --until 2026-10-01
"""

from __future__ import annotations

from lib import aggregates, catalog, tables
from lib.job import job
from lib.options import Option, day, only
from lib.run import Run

SINCE = Option("--since", "first business day, YYYY-MM-DD; default: the window that the file declares", {"type": day})
UNTIL = Option("--until", "last business day, exclusive; default: the day after that of the night", {"type": day})


@job(after=["refresh_views"], options=[only("aggregate"), SINCE, UNTIL])
def build_aggregates(run: Run) -> None:
    """Each file's INSERT OVERWRITE over its window, then the CRITICAL checks of the file."""
    declared = {aggregate.name: aggregate for aggregate in aggregates.declared()}
    chosen = catalog.select(declared, run.args.only)
    for aggregate in chosen:
        aggregates.window(aggregate, run.cycle, run.args.since, run.args.until)
    for table in tables.missing(run.warehouse, chosen):
        tables.create(run, table)
    run.each(aggregates.build, chosen)
