"""Create what the files declare, and bring what exists to their state: tables, migrations, views.

By hand, after every change of schema/, views/, aggregates/ or rls-policies/, and before the first night. Safe to rerun
at any time: what is there already is left alone.
What would it do? ./run migrate --dry-run
"""

from __future__ import annotations

from lib import aggregates, catalog, ledger_tables, migrations, policies, tables
from lib.job import job
from lib.migrations import Migration
from lib.run import Run
from lib.tables import TableFile
from lib.views import creation
from lib.views import files as view_files


@job(prepares_ledger=ledger_tables.prepare)
def migrate(run: Run) -> None:
    """Databases, tables, migrations, comparison, views: each needs those before it."""
    # All files are read before the first statement: a wrong one must not leave half of a change behind.
    declared: list[TableFile] = [*catalog.tables().values(), *aggregates.declared()]
    steps = migrations.in_order()
    protected = policies.declared()
    unprotected = [*view_files.plain(), *view_files.materialized()]
    policies.check(protected, unprotected)
    views = view_files.in_order([*unprotected, *(policy.view for policy in protected)])

    run.each(tables.create_database, tables.databases(run.warehouse))
    run.each(tables.create, tables.missing(run.warehouse, declared))
    _migrate(run, steps)
    if run.dry_run and run.warehouse.planned:
        run.note("columns are compared with the files once this has been done")
    else:
        run.each(tables.compare, [tables.Columns(table) for table in declared])
    run.each(creation.create, views)
    _tell(run)


def _tell(run: Run) -> None:
    for word, names in run.result.items():
        if isinstance(names, list):
            run.note(f"{'would be ' if run.dry_run else ''}{word.replace('_', ' ')}: {', '.join(names)}")


def _migrate(run: Run, steps: list[Migration]) -> None:
    """One after the other; the first that fails ends the run, since the next may build on it."""
    if run.failures:
        raise run.failures[-1]
    if run.dry_run and "ops_migration" not in tables.names(run.warehouse):
        run.note("migrations are looked at once the tables are there")
        return
    for step in steps:
        run.each(migrations.apply, [step])
        if run.failures:
            raise run.failures[-1]
