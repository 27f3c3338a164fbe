"""Back the warehouse up into its repository: the restore point of the night.

Evening, first, before anything changes. One complete backup a night: a rerun finds it, or waits for the one that is
under way. The stage database is not backed up.
One more in the same night: ./run backup --again
"""

from __future__ import annotations

from lib import backups, repositories
from lib.job import job
from lib.ledger import StepRecord
from lib.options import flag
from lib.run import Run


@job(options=[flag("--again", "make another backup although this night has a complete one")])
def backup(run: Run) -> None:
    """Repository, then the backup, polled to its end."""
    repositories.location()
    _need(run.step("repository", lambda: repositories.ensure(run.warehouse)), run)
    label = "" if run.args.again or run.warehouse.planned else backups.of_night(run.warehouse, run.cycle)
    if label:
        run.note(f"the night of {run.cycle} has its backup: {label}; nothing to do")
        return
    if run.args.again and not run.dry_run:
        backups.settle(run)
    made = backups.begun_or_new(run.warehouse, run.cycle)
    _need(run.step("backup", lambda: backups.back_up(run, made)), run)


def _need(step: StepRecord, run: Run) -> None:
    """A backup that failed after its repository was found is not "done in part"."""
    if step.state == "failed":
        raise run.failures[-1]
