"""Print the generated parts of README.md, docs/ and .env.example anew.

By hand, after a change of settings, jobs, crontab, exit codes or tables; needs no warehouse.
For `make check`: ./run update_readme --check
"""

from __future__ import annotations

from lib import readme
from lib.errors import Told
from lib.job import job
from lib.options import flag
from lib.run import Run
from lib.settings import REPOSITORY


@job(recorded=False, options=[flag("--check", "write nothing; exit 1 when a file is out of date")])
def update_readme(run: Run) -> None:
    """Writes what is out of date, or names it."""
    outdated = readme.outdated()
    names = ", ".join(str(path.relative_to(REPOSITORY)) for path in outdated)
    if run.args.check and outdated:
        raise Told(f"out of date: {names}", hint="./run update_readme")
    for path, text in outdated.items():
        if not run.dry_run:
            path.write_text(text, encoding="utf-8")
    if names:
        run.note(f"{'would write' if run.dry_run else 'written'}: {names}")
    run.result["files"] = names
