"""Load each fact table's new rows since its watermark.

Morning, after load_dimensions. Safe to rerun at any time.
Read a range again: ./run load_facts --only fact_trade --since 2026-11-01
"""

from lib import catalog, loading
from lib.job import job
from lib.options import SINCE, UNTIL, flag, only
from lib.reading import Window
from lib.run import Run


@job(
    after=["load_dimensions"],
    lock="loads",
    options=[
        only("table"),
        SINCE,
        UNTIL,
        flag("--rewrite", "write rows of the range again that are there already"),
    ],
)
def load_facts(run: Run) -> None:
    loading.begin(run)
    window = Window(run.args.since, run.args.until, rewrite=run.args.rewrite)
    run.each(lambda run, table: loading.load(run, table, window), catalog.loaded("fact", only=run.args.only))
