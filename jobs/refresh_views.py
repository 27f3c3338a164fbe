"""Refresh the materialized views, each after those that it stands on.

Morning, after load_facts. Safe to rerun at any time: only what has changed below a view is computed again.
One view: ./run refresh_views --only mv_sales_daily
"""

from __future__ import annotations

from lib import views
from lib.job import job
from lib.options import only
from lib.run import Run


@job(after=["load_facts"], options=[only("materialized view")])
def refresh_views(run: Run) -> None:
    """The order is that of the files: who reads whom."""
    views.refresh_all(run, views.in_order(run.args.only))
