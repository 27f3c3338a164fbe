"""Check what the night has made of the warehouse, and report it.

Morning, the last job. Reads only, except for its own results and reports, so it is safe to rerun at any time.
Ends with 65 when a CRITICAL check failed or could not be evaluated; with 0 when only WARNING or INFO did.
The report is in STATE_DIR/reports/<night>/ and .../latest/ as JSON, CSV and a page.
One table, telling nobody: ./run verify --only fact_trade
"""

from __future__ import annotations

from lib import verification, verification_plan
from lib.checks import Night
from lib.errors import CriticalFinding
from lib.job import job
from lib.options import DATE, only
from lib.reports import audit, messages
from lib.reports import night as report_night
from lib.reports.audit import Report
from lib.run import Run


@job(after=["build_aggregates"], options=[only("table, file of checks/, or `night`"), DATE])
def verify(run: Run) -> None:
    """Plan, ask, write down, report, tell."""
    night = Night.of(run.warehouse, run.cycle)
    results = verification.verify(night, verification_plan.plan(night, only=run.args.only))
    found = Report(
        cycle=run.cycle,
        run_id=run.run_id,
        at=night.now,
        server=report_night.server(run.warehouse),
        results=results,
        night=report_night.read(run.warehouse, run.cycle, without_run=run.run_id),
    )
    for result in results:
        if result.is_fault:
            run.note(messages.line(result))
    run.result["verification"] = found.document()
    if not run.dry_run:
        verification.write(run.warehouse, run.run_id, night, results)
        _publish(run, found)
    run.note(f"{found.verdict}: {found.headline}")
    if found.verdict == "critical":
        raise CriticalFinding(found.headline, hint="the report shows the SQL of each; ./run status")


def _publish(run: Run, found: Report) -> None:
    """Writes the report and tells people; a look at some tables is a matter between them and the terminal."""
    files = audit.write(found, partial=bool(run.args.only))
    run.result["report"] = {kind: str(path) for kind, path in files.items()}
    run.note(f"report: {files['html']}")
    if not run.args.no_notify and not run.args.only:
        for undelivered in messages.send(found, files):
            run.note(f"not delivered: {undelivered}")
