"""How far each source has been read, and which of its parts have been loaded: kept beside the data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lib import columns
from lib.catalog import TableFile
from lib.loading import mapping
from lib.reading import Known
from lib.warehouse import Warehouse


def known(warehouse: Warehouse, table: TableFile) -> Known:
    """What has been loaded of a table's source, and into which columns. Raises `Refused` without the table."""
    positions = warehouse.read("SELECT part, position FROM ops_watermark WHERE target = %s", (table.name,))
    loads = warehouse.read(
        "SELECT DISTINCT part, content FROM ops_load WHERE target = %s AND part <> ''", (table.name,)
    )
    return Known(
        positions={row["part"]: row["position"] for row in positions},
        contents=frozenset(row["content"] for row in loads if row["content"]),
        names=frozenset(row["part"] for row in loads),
        columns=mapping.kinds(table, columns.of(warehouse, table.name)),
    )


def advance(warehouse: Warehouse, table: str, positions: Mapping[str, str], load_id: str, at: datetime) -> None:
    """Writes watermarks; part of the transaction that publishes the rows up to them."""
    if not positions:
        return
    marks = ", ".join(["(%s, %s, %s, %s, %s)"] * len(positions))
    values = [value for part, position in positions.items() for value in (table, part, position, load_id, at)]
    warehouse.write(f"INSERT INTO ops_watermark (target, part, position, load_id, updated_at) VALUES {marks}", values)
