"""The files of the warehouse and the crontab: read as the jobs will read them."""

from __future__ import annotations

import itertools
from pathlib import Path

from lib import aggregates, catalog, checks, crontab, job_files, migrations, policies
from lib.errors import Misconfigured
from lib.probes import Doubt, Patient
from lib.settings import settings
from lib.views import files as view_files


def environment(_patient: Patient) -> str:
    """The settings have been read, or doctor would not have come this far."""
    given = settings()
    said = f"{given.environment}, warehouse files in {given.warehouse_dir}"
    if given.nightshift_now:
        raise Doubt(f"{said}; the clock of the jobs is set to {given.nightshift_now}", hint="unset NIGHTSHIFT_NOW")
    return said


def warehouse_files(_patient: Patient) -> str:
    """Every file parses, and every declared check has the arguments that its kind takes."""
    tables = catalog.tables()
    made = aggregates.declared()
    declared = [*(table.checks for table in tables.values()), *(aggregate.checks for aggregate in made)]
    for check in itertools.chain.from_iterable(declared):
        checks.kind(check).columns(check)
    views = len(view_files.in_order(view_files.plain())) + len(view_files.in_order(view_files.materialized()))
    others = len(policies.declared()) + len(migrations.in_order())
    return f"{len(tables)} tables, {len(made)} aggregates, {views} views, {others} policies and migrations"


def reference_lists(_patient: Patient) -> str:
    """Each table that is loaded from reference-data/ has its CSV."""
    folder = settings().warehouse_dir / "reference-data"
    wanted = [table.name for table in catalog.tables().values() if table.is_reference]
    missing = [name for name in wanted if not (folder / f"{name}.csv").is_file()]
    if missing:
        raise Misconfigured(f"{folder}: missing: {', '.join(f'{name}.csv' for name in missing)}", hint="add the files")
    return f"{len(wanted)} lists in {folder}"


def crontab_file(_patient: Patient) -> str:
    """The crontab parses, starts jobs that exist, and the night is in the order that the jobs ask for."""
    path = settings().warehouse_dir / "crontab"
    known = {file.name: file for file in job_files.read_all()}
    found = crontab.entries(path)
    for entry in found:
        if entry.job not in known:
            raise Misconfigured(
                f"{path}:{entry.number}: no job is called {entry.job}", hint=f"jobs: {', '.join(known)}"
            )
        if not Path(entry.program).is_absolute():
            raise Misconfigured(
                f"{path}:{entry.number}: {entry.program} is no absolute path",
                hint="cron starts in the home directory: write the whole path",
            )
    order = [entry.job for entry in crontab.night(found)]
    for name in order:
        late = [earlier for earlier in known[name].after if earlier not in order[: order.index(name)]]
        if late:
            raise Misconfigured(f"{path}: {name} comes before {', '.join(late)}", hint="put them in order")
    return f"{len(found)} lines: {', '.join(order)}"


def crontab_program(_patient: Patient) -> str:
    """The program that the crontab names is there: the checked-in file has a place in the stead of the real one."""
    path = settings().warehouse_dir / "crontab"
    programs = sorted({entry.program for entry in crontab.entries(path)})
    missing = [program for program in programs if not Path(program).is_file()]
    if missing:
        raise Doubt(f"{path}: {', '.join(missing)} is not on this host", hint="install it: make cron")
    return ", ".join(programs) or "no lines"
