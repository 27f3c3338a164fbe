"""How far each source has been read, and which of its parts have been loaded: kept beside the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lib.catalog import TableFile
from lib.columns import Column
from lib.loading import mapping
from lib.reading import Known
from lib.warehouse import Warehouse


def known(warehouse: Warehouse, table: TableFile, target: Sequence[Column]) -> Known:
    """What has been loaded of a table's source, and into which columns."""
    found = warehouse.read(
        "SELECT 'watermark' AS kind, part, position AS value FROM ops_watermark WHERE target = %s"
        " UNION ALL SELECT DISTINCT 'load', part, content FROM ops_load WHERE target = %s AND part <> ''",
        (table.name, table.name),
    )
    loads = [row for row in found if row["kind"] == "load"]
    return Known(
        positions={row["part"]: row["value"] for row in found if row["kind"] == "watermark"},
        contents=frozenset(row["value"] for row in loads if row["value"]),
        names=frozenset(row["part"] for row in loads),
        columns=mapping.kinds(table, target),
    )


def position(warehouse: Warehouse, table: TableFile, part: str) -> str | None:
    """The watermark of one part of a table's source; None before the first."""
    found = warehouse.value("SELECT position FROM ops_watermark WHERE target = %s AND part = %s", (table.name, part))
    return None if found is None else str(found)


def advance(warehouse: Warehouse, table: str, positions: Mapping[str, str], load_id: str, at: datetime) -> None:
    """Writes watermarks; part of the transaction that publishes the rows up to them."""
    if not positions:
        return
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(positions))
    values = [value for part, position in positions.items() for value in (table, part, position, load_id, at)]
    warehouse.write(f"INSERT INTO ops_watermark (target, part, position, load_id, updated_at) VALUES {marks}", values)
