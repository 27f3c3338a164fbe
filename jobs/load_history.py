"""Load what the sources have from the beginning, or a range of business days: lists, then dimensions, then facts.

By hand, once when a table is new, or to fill a gap. Ranges that have been loaded are left out, so a history that was
interrupted goes on where it stopped; beside the incremental loads it does no harm.
Two months of one table: ./run load_history --only fact_sales --from 2026-09-01 --to 2026-11-01
"""

from datetime import datetime, time

from lib import catalog, loading
from lib.job import job
from lib.options import FROM, TO, flag, only
from lib.reading import Window
from lib.run import Run


@job(options=[only("table"), FROM, TO, flag("--rewrite", "also what has been loaded already")])
def load_history(run: Run) -> None:
    loading.begin(run)
    since, until = (datetime.combine(day, time()) if day else None for day in (run.args.first, run.args.last))
    window = Window(since, until, rewrite=run.args.rewrite, history=True)
    run.each(lambda run, table: loading.load(run, table, window), catalog.everything(run.args.only))
