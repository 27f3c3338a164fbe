"""Refresh the materialized views, each after those that it stands on.

Morning, after load_facts. Safe to rerun at any time: only what has changed below a view is computed again.
One view: ./run refresh_views --only mv_sales_daily
"""

from __future__ import annotations

from lib.job import job
from lib.options import only
from lib.run import Run
from lib.views import refresh


@job(after=["load_facts"], options=[only("materialized view")])
def refresh_views(run: Run) -> None:
    """The order is that of the files: who reads whom."""
    refresh.refresh_all(run, refresh.in_order(run.args.only))
