"""What of a table readers see: its version and the partitions that exist."""

from __future__ import annotations

from typing import Any

from emulator.storage.catalog import Table
from emulator.storage.engine import Engine


def visible_names(engine: Engine, table: Table) -> list[str]:
    """Names of the partitions that exist, in order."""
    return sorted(visible(engine, table)["partitions"])


def visible(engine: Engine, table: Table) -> dict[str, Any]:
    """`{"version": n, "partitions": {name: {"id": i, "version": n, "time": epoch seconds}}}` of a table."""
    found = engine.get("visible", "", str(table.id))
    if found is not None:
        return found  # type: ignore[no-any-return]
    first = {} if table.partition_by else {table.name: {"id": table.id + 1, "version": 1, "time": table.created}}
    return {"version": 1, "partitions": first}
