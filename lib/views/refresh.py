"""Refreshes materialized views, each after those that it stands on, and proves that they were refreshed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lib import catalog, log
from lib.errors import Refused, Told, Unavailable
from lib.rows import Rows
from lib.settings import settings
from lib.views import files as view_files
from lib.views.files import ViewFile
from lib.warehouse import Row, Warehouse, quote
from lib.warehouse_errors import SERVICE

if TYPE_CHECKING:
    from lib.run import Run

# States of information_schema.task_runs (fe/fe-core/src/main/java/com/starrocks/scheduler/Constants.java).
_ENDED_WELL = ("SUCCESS", "SKIPPED", "MERGED")
_UNDER_WAY = ("PENDING", "RUNNING")
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 5.0
# How long a refresh that has ended may take to be seen as such.
_STATE_APPEARS_SECONDS = 10.0


def in_order(only: Iterable[str] = ()) -> list[ViewFile]:
    """The materialized views, base first; with `only`, those alone. Raises `Usage`, or `Misconfigured` for a circle."""
    ordered = [file for file in _all() if file.materialized]
    wanted = {file.name for file in catalog.select({file.name: file for file in ordered}, only)}
    return [file for file in ordered if file.name in wanted]


def refresh_all(run: Run, files: Iterable[ViewFile]) -> None:
    """One step a view. What stands on a view that failed is skipped: its rows would be yesterday's without a word."""
    below = _below()
    left_out: set[str] = set()
    for file in files:
        reason = _reason_to_skip(run, below[file.name] & left_out)
        if reason:
            run.skip(file.name, reason)
        else:
            run.each(refresh, [file])
        if run.steps[-1].state != "done":
            left_out.add(file.name)


def refresh(run: Run, file: ViewFile) -> Rows | None:
    """Refreshes one materialized view and returns how many rows it shows then.

    Raises `Refused` when it is missing, cannot be activated, or the refresh failed.
    """
    warehouse, name = run.warehouse, file.name
    _activate(warehouse, file, _state(warehouse, file))
    if not run.dry_run:
        # A refresh goes on when its client has died; a second one would only queue up behind it.
        _wait(warehouse, file, lambda: not _task_runs(warehouse, file), settings().starrocks_read_timeout)
    warehouse.write(f"REFRESH MATERIALIZED VIEW {quote(name)} WITH SYNC MODE")
    if run.dry_run:
        return None
    _prove(warehouse, file)
    return Rows(loaded=int(warehouse.value(f"SELECT count(*) AS n FROM {quote(name)}") or 0))


def _all() -> list[ViewFile]:
    return view_files.in_order([*view_files.plain(), *view_files.materialized()])


def _below() -> dict[str, set[str]]:
    """Every view -> the materialized views below it, through plain views and at any depth."""
    below: dict[str, set[str]] = {}
    files = {file.name: file for file in _all()}
    for name, file in files.items():
        known = [files[other] for other in file.reads if other in files]
        direct = {other.name for other in known if other.materialized}
        below[name] = direct.union(*(below[other.name] for other in known))
    return below


def _reason_to_skip(run: Run, failed_below: set[str]) -> str:
    if run.failures and isinstance(run.failures[-1], Unavailable) and run.failures[-1].service == SERVICE:
        return f"{SERVICE} did not answer"
    return f"not refreshed: {', '.join(sorted(failed_below))}, on which it stands" if failed_below else ""


def _state(warehouse: Warehouse, file: ViewFile) -> Row:
    rows = warehouse.read(
        "SELECT IS_ACTIVE, INACTIVE_REASON, TASK_NAME, LAST_REFRESH_STATE, LAST_REFRESH_ERROR_CODE,"
        " LAST_REFRESH_ERROR_MESSAGE FROM information_schema.materialized_views"
        " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        (warehouse.database, file.name),
    )
    if not rows:
        raise Refused(f"{file.name}: no such materialized view in {warehouse.database}", hint="./run migrate")
    return rows[0]


def _activate(warehouse: Warehouse, file: ViewFile, state: Row) -> None:
    if _is_active(state):
        return
    log.warning("view_inactive", view=file.name, reason=state["INACTIVE_REASON"])
    why = state["INACTIVE_REASON"]
    try:
        warehouse.write(f"ALTER MATERIALIZED VIEW {quote(file.name)} ACTIVE")
    except Refused as error:
        raise Refused(
            f"{file.name}: inactive ({why}), and cannot be activated: {error.message}",
            hint=f"make {file.path} fit the tables, then ./run migrate",
        ) from None
    if not warehouse.dry_run and not _is_active(state := _state(warehouse, file)):
        raise Refused(
            f"{file.name}: still inactive after ALTER MATERIALIZED VIEW ... ACTIVE: {state['INACTIVE_REASON']}",
            hint=f"make {file.path} fit the tables, then ./run migrate",
        )


def _prove(warehouse: Warehouse, file: ViewFile) -> None:
    """SYNC MODE answered OK; the view's own record is the second witness, and may come a moment later."""

    def ended() -> bool:
        return _state(warehouse, file)["LAST_REFRESH_STATE"] not in (None, "", *_UNDER_WAY)

    _wait(warehouse, file, ended, _STATE_APPEARS_SECONDS)
    state = _state(warehouse, file)
    if state["LAST_REFRESH_STATE"] not in _ENDED_WELL:
        raise Refused(
            f"{file.name}: refresh ended as {state['LAST_REFRESH_STATE']}: {state['LAST_REFRESH_ERROR_CODE']}"
            f" {state['LAST_REFRESH_ERROR_MESSAGE']}",
            hint=f"./run refresh_views --only {file.name}",
        )


def _task_runs(warehouse: Warehouse, file: ViewFile) -> list[Row]:
    return warehouse.read(
        "SELECT QUERY_ID, STATE FROM information_schema.task_runs WHERE TASK_NAME = %s AND STATE IN (%s, %s)",
        (_state(warehouse, file)["TASK_NAME"], *_UNDER_WAY),
    )


def _wait(warehouse: Warehouse, file: ViewFile, is_over: Callable[[], bool], longest: float) -> None:
    began, wait = time.monotonic(), _SHORTEST_WAIT
    while not is_over():
        if time.monotonic() - began > longest:
            raise Told(
                f"{file.name}: a refresh is still under way after {longest:.0f} s",
                hint=f"CANCEL REFRESH MATERIALIZED VIEW {warehouse.database}.{file.name}, or wait; then rerun",
            )
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)


def _is_active(state: Row) -> bool:
    return str(state["IS_ACTIVE"]).lower() == "true"
