"""The SELECT that publishes facts and SCD 1 dimensions: one row a key, the newer version wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.catalog import DELETED, TableFile
from lib.loading import tombstones
from lib.loading.mapping import INFERRED, ROW, Mapping, without
from lib.warehouse import quote


@dataclass(frozen=True)
class Upsert:
    """How staged rows meet the rows of the target.

    `partition`: columns of the primary key that are not of the business key; `bounds` is SQL over the target (alias t)
    that limits where a business key is looked for, empty for everywhere.
    """

    table: TableFile
    target: str
    stage: str
    mapping: Mapping
    partition: Sequence[str]
    left_out: Sequence[int]
    bounds: str
    rewrite: bool
    inferred: bool
    # This load marks what the snapshot has not got.
    marks: bool = False

    def statement(self) -> str:
        """INSERT INTO target SELECT; a PRIMARY KEY table takes it as an upsert."""
        names = [quote(column.name) for column in self.mapping.staged]
        inserted = [*names, quote(INFERRED)] if self.inferred else names
        values = [f"s.{name}" for name in names] + (["FALSE"] if self.inferred else [])
        return (
            f"INSERT INTO {self.target} ({', '.join(inserted)}) SELECT {', '.join(values)}"
            f" FROM ({self.newest()}) s LEFT JOIN ({self._stored()}) t ON {self._same_key()}"
            f" WHERE s.rank_in_load = 1 AND ({self._wins()})"
        ) + (f" UNION ALL {self._tombstones()}" if self.marks else "")

    def _tombstones(self) -> str:
        names = [column.name for column in self.mapping.staged]
        known = self.inferred or INFERRED in names
        gone = tombstones.gone(self.table, self.target, self.stage, inferred=known)
        return tombstones.select(gone, names, inferred=self.inferred)

    def newest(self) -> str:
        """The staged rows that are not left out, with their rank among those of one key as `rank_in_load`."""
        key = ", ".join(quote(name) for name in self.table.key)
        # Without a version the first of several wins, as it would have if each had come in a load of its own.
        order = f"{quote(ROW)} DESC" if self._newer_wins else quote(ROW)
        if self.table.version:
            order = f"{quote(self.table.version)} DESC, {order}"
        rank = f"row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS rank_in_load"
        return f"SELECT *, {rank} FROM {self.stage}{without(self.left_out)}"

    @property
    def _newer_wins(self) -> bool:
        """Rows of a dimension change, and facts that have a version; a fact without one is an event that happened."""
        return bool(self.table.version) or self.table.kind == "dim" or self.rewrite

    def _stored(self) -> str:
        compared = [column.name for column in self.mapping.staged]
        names = ", ".join(f"t.{quote(name)}" for name in [*compared, *([INFERRED] if self.inferred else [])])
        where = f" WHERE {self.bounds}" if self.bounds else ""
        return f"SELECT {names} FROM {self.target} t{where}"

    def _same_key(self) -> str:
        return " AND ".join(f"s.{quote(name)} = t.{quote(name)}" for name in self.table.key)

    def _wins(self) -> str:
        new = f"t.{quote(self.table.key[0])} IS NULL"
        if not self._newer_wins:
            return new
        held = [
            column.name for column in self.mapping.staged if column.name not in (*self.table.key, *self.mapping.lineage)
        ]
        differs = " OR ".join(f"NOT (s.{quote(name)} <=> t.{quote(name)})" for name in held) or "FALSE"
        if self.inferred:
            differs += f" OR t.{quote(INFERRED)}"
        stays = "".join(f" AND s.{quote(name)} = t.{quote(name)}" for name in self.partition)
        order = ""
        if self.table.version and not self.rewrite:
            version = quote(self.table.version)
            order = f" AND s.{version} >= t.{version}"
            if self.table.deletes is not None:
                # A key that comes back is there again, whatever its version says.
                order = f" AND (t.{quote(DELETED)} OR s.{version} >= t.{version})"
        return f"{new} OR (({differs}){stays}{order})"
