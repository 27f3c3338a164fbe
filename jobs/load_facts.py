"""Load each fact table's new rows since its watermark.

Morning, after load_dimensions. Safe to rerun at any time.
Read a range again: ./run load_facts --only fact_trade --since 2026-11-01
On and on instead of once a night: ./run follow_facts
Go on after messages were lost: ./run load_facts --only fact_trade --accept-gap trade.history/0
"""

from lib import catalog
from lib.catalog import TableFile
from lib.job import job
from lib.loading import following, load, reconcile
from lib.options import SINCE, UNTIL, Option, flag, only
from lib.reading import Window
from lib.run import Run


@job(
    after=["load_dimensions"],
    lock="loads",
    options=[
        only("table"),
        SINCE,
        UNTIL,
        Option(
            "--accept-gap",
            "go on behind the lost messages of this topic/partition; kept in ops_load; may be given several times",
            {"action": "append", "default": [], "metavar": "TOPIC/PARTITION"},
        ),
        flag("--rewrite", "write rows of the range again that are there already"),
    ],
)
def load_facts(run: Run) -> None:
    load.begin(run)
    window = Window(
        run.args.since, run.args.until, rewrite=run.args.rewrite, accept_gaps=frozenset(run.args.accept_gap)
    )

    def load_fact(run: Run, table: TableFile) -> None:
        following.load(run, table, window)
        reconcile.days(run, table, window)

    run.each(load_fact, catalog.loaded("fact", only=run.args.only))
