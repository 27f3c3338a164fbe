"""Show what happened this night and how things stand now.

At any time; reads only. Jobs in the order of the crontab, locks, watermarks and lag, quarantine, backup, last verdict.
Days without rows in the fact tables: ./run status --gaps
"""

from __future__ import annotations

from lib import streams
from lib.job import job
from lib.options import DATE, flag
from lib.reports import status as report_status
from lib.reports import status_text
from lib.run import Run


@job(recorded=False, options=[DATE, flag("--gaps", "name the business days without rows in fact tables")])
def status(run: Run) -> None:
    """Reads, then prints or hands over."""
    found = report_status.read(run.warehouse, run.cycle)
    run.result["status"] = found.document()
    lines = status_text.lines(found)
    if run.args.gaps and found.has_ledger:
        gaps = report_status.gaps(run.warehouse)
        run.result["gaps"] = gaps
        lines += ["", *status_text.gap_lines(gaps)]
    if not run.args.json:
        streams.out("\n".join(lines))
