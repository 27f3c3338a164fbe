"""Load each dimension's changes since its watermark.

Evening, after the reference lists. SCD 1 keeps the newest row of a key, SCD 2 its history. Safe to rerun at any time:
changes that are there already write nothing.
One dimension, from a date: ./run load_dimensions --only dim_customer --since 2026-11-01
"""

from lib import catalog
from lib.catalog import TableFile
from lib.job import job
from lib.loading import load, reconcile
from lib.options import SINCE, UNTIL, flag, only
from lib.reading import Window
from lib.run import Run


@job(
    after=["load_reference"],
    lock="loads",
    options=[
        only("table"),
        SINCE,
        UNTIL,
        flag("--allow-deletes", "let a full snapshot lack more rows than the table declares (a twentieth)"),
    ],
)
def load_dimensions(run: Run) -> None:
    load.begin(run)
    window = Window(run.args.since, run.args.until, rewrite=bool(run.args.since), allow_deletes=run.args.allow_deletes)

    def load_dimension(run: Run, table: TableFile) -> None:
        load.load(run, table, window)
        reconcile.days(run, table, window)

    run.each(load_dimension, catalog.loaded("dim", only=run.args.only))
