"""Batches that outlive their session: rows of a transaction that is PREPARED or COMMITTED and not yet visible.

Their rows move from the writer's stage into a table of the database file, their description into the transaction's
record, both in one unit of work: after a restart such a transaction can still be committed, published or given up.
Source: docs/en/loading/Stream_Load_transaction_interface.md (prepared transactions survive restarts).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.storage.catalog import Table
from emulator.storage.engine import Unit
from emulator.storage.writing import Batch

Kept = dict[str, Any]


def keep(unit: Unit, transaction_id: int, batches: Iterable[Batch]) -> list[Kept]:
    """Copy the staged rows into the file, inside `unit`; give the JSON that `restored` reads."""
    kept = []
    for at, batch in enumerate(batches):
        stage = ""
        if batch.stage:
            stage = f"default_catalog.data.k{transaction_id}_{at}"
            unit.execute(f"create table {stage} as select * from {batch.stage}")
        described = {name: value for name, value in vars(batch).items() if name != "table"}
        kept.append({**described, "stage": stage, "table": batch.table.to_json()})
    return kept


def restored(kept: Iterable[Kept]) -> list[Batch]:
    """The batches of a record."""
    return [
        Batch(**{**each, "table": Table.from_json(each["table"]), "columns": tuple(each["columns"])}) for each in kept
    ]


def drop(unit: Unit, kept: Iterable[Kept]) -> None:
    """Forget the rows, inside `unit`."""
    for each in kept:
        if each["stage"]:
            unit.execute(f"drop table if exists {each['stage']}")
