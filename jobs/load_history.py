"""Load what the sources have from the beginning, or a range of business days: lists, then dimensions, then facts.

By hand, once when a table is new, or to fill a gap. Ranges that have been loaded are left out, so a history that was
interrupted goes on where it stopped; beside the incremental loads it does no harm.
Two months of one table: ./run load_history --only fact_sales --from 2026-09-01 --to 2026-11-01
One table anew, while it is read: ./run load_history --only fact_sales --full
"""

from __future__ import annotations

from datetime import datetime, time

from lib import catalog
from lib.errors import Usage
from lib.job import job
from lib.loading import history, load, renewal
from lib.options import FROM, TO, flag, only
from lib.reading import Window
from lib.run import Run


@job(
    options=[
        only("table"),
        FROM,
        TO,
        flag("--rewrite", "also what has been loaded already; with --full: begin again"),
        flag("--full", "replace the tables of --only; readers see the old rows until the new ones are all there"),
        flag("--allow-deletes", "with --full: also when rows are not in the source any more"),
    ]
)
def load_history(run: Run) -> None:
    """One step a table; `--full` needs the tables by name and takes no range."""
    args = run.args
    if args.full and (not args.only or args.first or args.last):
        raise Usage("--full replaces whole tables: name them with --only, without --from and --to")
    load.begin(run)
    tables = catalog.everything(args.only)
    if args.full:
        run.each(
            lambda run, table: renewal.renew(run, table, allow_deletes=args.allow_deletes, anew=args.rewrite), tables
        )
        return
    since, until = (datetime.combine(day, time()) if day else None for day in (args.first, args.last))
    window = Window(since, until, rewrite=args.rewrite, history=True)
    run.each(lambda run, table: history.load(run, table, window), tables)
