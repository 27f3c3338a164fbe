"""Back the warehouse up into its repository: the restore point of the night.

Evening, first, before anything changes. One complete backup a night: a rerun finds it, or waits for the one that is
under way. The stage database is not backed up.
One more in the same night: ./run backup --again
"""

from __future__ import annotations

from lib import backups, repositories
from lib.job import job
from lib.options import flag
from lib.run import Run


@job(options=[flag("--again", "make another backup although this night has a complete one")])
def backup(run: Run) -> None:
    """Repository, then the backup, polled to its end."""
    repositories.location()
    run.step("repository", lambda: repositories.ensure(run.warehouse))
    if run.failures:
        raise run.failures[-1]
    label = "" if run.args.again or run.warehouse.planned else backups.of_night(run.warehouse, run.cycle)
    if label:
        run.note(f"the night of {run.cycle} has its backup: {label}; nothing to do")
        return
    run.each(backups.back_up, [backups.begun_or_new(run.warehouse, run.cycle)])
