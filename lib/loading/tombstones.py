"""Deletes of a source that hands over a full snapshot: a key that it has no more becomes a tombstone, kept and marked.

Facts go on referring to a member that is gone, so its row stays, with `is_deleted`. A snapshot that lacks more of the
keys than the table declares is taken for a fault of the source and stops the load.
"""

from __future__ import annotations

from collections.abc import Sequence

from lib import log
from lib.catalog import DELETED, TableFile
from lib.errors import DataRefused
from lib.loading.mapping import INFERRED, SCD2_MANAGED
from lib.warehouse import Warehouse, quote

_CURRENT = SCD2_MANAGED[1]


def gone(table: TableFile, target: str, stage: str, *, inferred: bool) -> str:
    """FROM and WHERE of the target's rows (alias t) whose key the snapshot has not got and that are not marked yet.

    A row that was put aside by the audit is in the stage, so its key counts as there. An inferred member never came
    from the source.
    """
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in table.key)
    return f"FROM {target} t LEFT ANTI JOIN {stage} s ON {same} WHERE {_alive(table, inferred=inferred)}"


def check(warehouse: Warehouse, table: TableFile, target: str, stage: str, *, inferred: bool, allowed: bool) -> int:
    """How many rows would become tombstones. Raises `DataRefused` for more than the table's share, or for all."""
    assert table.deletes is not None
    alive = int(warehouse.value(f"SELECT count(*) AS n FROM {target} t WHERE {_alive(table, inferred=inferred)}") or 0)
    deleted = int(warehouse.value(f"SELECT count(*) AS n {gone(table, target, stage, inferred=inferred)}") or 0)
    if deleted and not allowed and (deleted == alive or deleted > alive * table.deletes):
        raise DataRefused(
            f"{table.name}: {deleted:,} of {alive:,} rows are not in the snapshot: more than {table.deletes:.0%}"
            " would be marked as deleted; nothing of this load is visible",
            hint="is the source whole? If the deletes are meant: the same command with --allow-deletes",
        )
    if deleted:
        log.info("tombstones", table=table.name, rows=deleted, of=alive)
    return deleted


def marks(table: TableFile, *, read: int, quarantined: int) -> bool:
    """Whether this load may mark keys as deleted: a row in quarantine has a key that nobody knows for sure."""
    if table.deletes is None:
        return False
    if quarantined:
        log.warning("deletes_left", table=table.name, rows_read=read, rows_quarantined=quarantined)
    return not quarantined


def select(source: str, names: Sequence[str], *, inferred: bool) -> str:
    """The SCD 1 tombstones: `names` of the rows of `source` (see `gone`), unchanged but for the mark."""
    values = ["TRUE" if name == DELETED else f"t.{quote(name)}" for name in names]
    return f"SELECT {', '.join([*values, *(['FALSE'] if inferred else [])])} {source}"


def _alive(table: TableFile, *, inferred: bool) -> str:
    conditions = [f"NOT t.{quote(DELETED)}"]
    if table.scd == 2:
        conditions.append(f"t.{quote(_CURRENT)}")
    if inferred or table.scd == 2:
        conditions.append(f"NOT t.{quote(INFERRED)}")
    return " AND ".join(conditions)
