"""Creates views and materialized views where they are missing or their files have changed, and nowhere else.

Creating a view again makes the materialized views over it inactive, so each view's fingerprint is kept in ops_view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib import clock
from lib.views.files import ViewFile
from lib.warehouse import Warehouse, quote
from lib.warehouse_errors import NoSuchTable

if TYPE_CHECKING:
    from lib.run import Run


def create(run: Run, view: ViewFile) -> None:
    """Brings one view to the state of its file; those that it reads must have been brought there before.

    Raises `Refused` with StarRocks' reason when the definition does not fit the tables.
    """
    there = _exists(run.warehouse, view)
    if there and _stored(run.warehouse, view.name) == view.sha256:
        if view.materialized:
            _activate(run.warehouse, view.name)
        return
    if view.materialized and there:
        _replace(run.warehouse, view)
    else:
        run.warehouse.write(view.statement)
    run.warehouse.write(
        "INSERT INTO ops_view (name, sha256, run_id, created_at) VALUES (%s, %s, %s, %s)",
        (view.name, view.sha256, run.run_id, clock.now()),
    )
    names = run.result.setdefault("changed" if there else "created", [])
    if isinstance(names, list):
        names.append(view.name)


def _replace(warehouse: Warehouse, view: ViewFile) -> None:
    """Builds the new one beside the old one, so that readers always see a filled one; then exchanges the two.

    There is no OR REPLACE for materialized views (docs/en/sql-reference/sql-statements/materialized_view/).
    """
    new = f"{view.name}_new"
    warehouse.write(f"DROP MATERIALIZED VIEW IF EXISTS {quote(new)}")
    warehouse.write(view.statement_for(new))
    warehouse.write(f"REFRESH MATERIALIZED VIEW {quote(new)} WITH SYNC MODE")
    warehouse.write(f"ALTER MATERIALIZED VIEW {quote(view.name)} SWAP WITH {quote(new)}")
    warehouse.write(f"DROP MATERIALIZED VIEW IF EXISTS {quote(new)}")


def _activate(warehouse: Warehouse, name: str) -> None:
    """Activates a materialized view that a change below it has made inactive."""
    sql = "SELECT IS_ACTIVE FROM information_schema.materialized_views WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    if str(warehouse.value(sql, (warehouse.database, name))).lower() == "false":
        warehouse.write(f"ALTER MATERIALIZED VIEW {quote(name)} ACTIVE")


def _exists(warehouse: Warehouse, view: ViewFile) -> bool:
    table = "materialized_views" if view.materialized else "views"
    sql = f"SELECT TABLE_NAME FROM information_schema.{table} WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    return bool(warehouse.read(sql, (warehouse.database, view.name)))


def _stored(warehouse: Warehouse, name: str) -> str:
    try:
        return str(warehouse.value("SELECT sha256 FROM ops_view WHERE name = %s", (name,)) or "")
    except NoSuchTable:
        if warehouse.dry_run:
            return ""
        raise
