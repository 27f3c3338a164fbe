"""Rows that did not fit, kept in `ops_quarantine` with the reason and the place in their source.

They are written before the rest of their load is published: a crash between the two leaves rows here whose load comes
again and writes the same rows again, because a row's identity is a hash of what it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lib.catalog import TableFile
from lib.reading import Reject
from lib.stream_load import Body, StreamLoad
from lib.warehouse import Warehouse, quote

COLUMNS = (
    "target", "row_id", "reason", "column_name", "value", "source", "coordinates", "row_text", "accepted",
    "load_id", "run_id", "quarantined_at",
)  # fmt: skip
_VALUE_BYTES, _SOURCE_BYTES, _ROW_BYTES = 1000, 1000, 65000


@dataclass(frozen=True)
class Origin:
    """Which load met the rejects, when, and whether the rest of it became visible."""

    accepted: bool
    load_id: str
    run_id: str
    at: datetime


def write(
    warehouse: Warehouse, loader: StreamLoad, table: TableFile, rejects: Sequence[Reject], origin: Origin
) -> None:
    """Writes rejects by one Stream Load; the same reject again is the same row."""
    if not rejects or warehouse.dry_run:
        return
    rows = dict(_row(table, reject, origin) for reject in rejects)
    body = b"".join(rows.values())
    loader.load(
        warehouse.database,
        "ops_quarantine",
        label=f"ns_q_{table.name}__{origin.load_id.replace('-', '_')}",
        columns=", ".join(quote(name) for name in COLUMNS),
        body=Body(lambda: iter((body,)), len(body)),
        rows=len(rows),
    )


def _row(table: TableFile, reject: Reject, origin: Origin) -> tuple[str, bytes]:
    identity = _identity(table.name, reject)
    values = (
        table.name,
        identity,
        reject.reason,
        reject.column,
        _clip(reject.value, _VALUE_BYTES),
        _clip(f"{table.source.kind} {table.source.what}" if table.source else "", _SOURCE_BYTES),
        _clip(reject.coordinates, _SOURCE_BYTES),
        _clip(reject.row_text, _ROW_BYTES),
        "1" if origin.accepted else "0",
        origin.load_id,
        origin.run_id,
        origin.at.isoformat(sep=" "),
    )
    return identity, "\x01".join(_sendable(text) for text in values).encode("utf-8") + b"\x02"


def _identity(table: str, reject: Reject) -> str:
    parts = (table, reject.coordinates, reject.reason, reject.column, reject.row_text)
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _sendable(text: str) -> str:
    """Text without the separators of the load and without what is no UTF-8, each shown as its escape."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    for character in ("\x00", "\x01", "\x02"):
        shown = shown.replace(character, f"\\x{ord(character):02x}")
    return "\\\\N" if shown == "\\N" else shown


def _clip(text: str, size: int) -> str:
    encoded = text.encode("utf-8", "backslashreplace")
    return text if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "..."
