"""List the rows that did not fit, by table and reason; replay them, or drop them for good.

By hand, after a look at ./run status. Rows of one table with their text: ./run quarantine --only fact_sales --show 20
When the dimension or the table file has been mended: ./run quarantine --replay --only fact_sales
When they are to be dropped: ./run quarantine --dismiss --only fact_sales --reason range --because "test trades"
A row of a load that was refused comes again with its load; once dismissed, it does not count as bad any more.
"""

from __future__ import annotations

from lib import catalog, streams, waiting
from lib.errors import Usage
from lib.job import job
from lib.loading import replay
from lib.options import Option, flag, only
from lib.run import Run
from lib.waiting import Selection

REASON = Option("--reason", "only rows with this reason, such as type or range", {"action": "append", "default": []})
ROW = Option("--row", "only the row whose id begins like this", {"action": "append", "default": []})
SHOW = Option("--show", "show the newest N rows with their text", {"type": int, "default": 0, "metavar": "N"})
BECAUSE = Option("--because", "why the rows are dismissed", {"default": ""})


@job(
    options=[
        only("table"),
        REASON,
        ROW,
        SHOW,
        flag("--replay", "load the rows as they are, once more"),
        flag("--dismiss", "drop the rows: they are kept, and no longer count"),
        BECAUSE,
    ]
)
def quarantine(run: Run) -> None:
    """Replays or dismisses what is selected, then lists what is still open."""
    args = run.args
    tables = [table for table in catalog.everything(args.only) if not table.is_reference or args.only]
    selection = Selection([table.name for table in tables] if args.only else [], args.reason, args.row)
    if args.replay and args.dismiss:
        raise Usage("--replay and --dismiss: one or the other")
    if args.replay:
        run.each(lambda run, table: replay.replay(run, table, selection), tables)
    elif args.dismiss:
        _dismiss(run, selection)
    groups = waiting.groups(run.warehouse, selection)
    rows = waiting.shown(run.warehouse, selection, args.show) if args.show else []
    run.result["quarantine"] = groups
    if args.show:
        run.result["shown"] = rows
    if not args.json:
        streams.out("\n".join(waiting.lines(groups, rows)))


def _dismiss(run: Run, selection: Selection) -> None:
    if not run.args.because.strip():
        raise Usage("--dismiss: say why: --because TEXT", hint="it is kept beside the rows, with your name")
    if not (selection.tables or selection.reasons or selection.rows):
        raise Usage("--dismiss: say which rows: --only, --reason or --row", hint="./run quarantine --show 20")
    dismissed = waiting.dismiss(run.warehouse, selection, run.args.because.strip(), run_id=run.run_id)
    run.result["dismissed"] = dismissed
    for table, rows in dismissed.items():
        run.note(f"{table}: {rows:,} rows dismissed")
