"""Load each reference list of reference-data/ whose content has changed.

Evening, after the backup. A list is replaced as a whole: readers see the old one until the new one is complete. Safe
to rerun at any time; an unchanged list costs one look at its file.
One list again: ./run load_reference --only dim_fee_tier
"""

from lib import catalog
from lib.job import job
from lib.loading import load
from lib.options import flag, only
from lib.reading import Window
from lib.run import Run


@job(
    after=["backup"],
    lock="loads",
    options=[only("table"), flag("--allow-deletes", "let a list lose more than a twentieth of its rows")],
)
def load_reference(run: Run) -> None:
    load.begin(run)
    window = Window(allow_deletes=run.args.allow_deletes)
    tables = catalog.loaded("dim", only=run.args.only, reference=True)
    run.each(lambda run, table: load.load(run, table, window), tables)
