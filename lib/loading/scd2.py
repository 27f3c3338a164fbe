"""The one INSERT that keeps an SCD 2 dimension: it closes and opens versions together, so no reader sees half of it.

StarRocks has no MERGE, and a transaction touches a table once (docs/en/loading/SQL_transaction.md). So the whole chain
of every key that has news is computed anew from what is stored and what is staged, and only rows that differ are
written. Changes may come late (they split a closed version) and several at once; the same changes again write nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.catalog import DELETED, TableFile
from lib.loading.mapping import INFERRED, ROW, SCD2_MANAGED, Mapping, without
from lib.warehouse import quote

OPEN_END = "9999-12-31 00:00:00"
FROM, TO, CURRENT = "valid_from", *SCD2_MANAGED


@dataclass(frozen=True)
class Chain:
    """The steps from stored and staged versions to the rows that have to be written, each a common table expression.

    `left_out`: staged rows that are not looked at, by their numbers. `snapshot_at`: the stage is all that the source
    has at this instant, so members that it lacks get a tombstone.
    """

    table: TableFile
    target: str
    stage: str
    mapping: Mapping
    left_out: Sequence[int]
    snapshot_at: str = ""

    def statement(self) -> str:
        """INSERT INTO the dimension; columns `valid_to`, `is_current` and `is_inferred` are made here."""
        return (
            f"INSERT INTO {self.target} ({self.carried()}, {quote(TO)}, {quote(CURRENT)}, {quote(INFERRED)})\n"
            f"{self.computed()}\n{self.written()}"
        )

    def changes(self) -> str:
        """SELECT, to be asked before the INSERT: how many staged rows change the dimension.

        The INSERT itself also writes the versions that it closes, and tombstones, which are no rows of the source.
        """
        return f"{self.computed()}\n{self.changing()}"

    @property
    def key(self) -> list[str]:
        """The business key, quoted."""
        return [quote(name) for name in self.table.key]

    @property
    def held(self) -> list[str]:
        """The attributes whose change makes a version; lineage does not."""
        apart = {*self.table.key, FROM, INFERRED, *self.mapping.lineage}
        return [quote(column.name) for column in self.mapping.staged if column.name not in apart]

    def carried(self, alias: str = "") -> str:
        """Every column that a version carries."""
        names = [*self.key, quote(FROM), *self.held, *(quote(name) for name in sorted(self.mapping.lineage))]
        return ", ".join(f"{alias}.{name}" if alias else name for name in names)

    def same_key(self, left: str, right: str) -> str:
        """Whether two rows are of one member."""
        return " AND ".join(f"{left}.{name} = {right}.{name}" for name in self.key)

    def same_version(self, left: str, right: str) -> str:
        """Whether two rows are one version of one member."""
        return f"{self.same_key(left, right)} AND {left}.{quote(FROM)} = {right}.{quote(FROM)}"

    def window(self) -> str:
        """The versions of a member in their order."""
        return f"(PARTITION BY {', '.join(self.key)} ORDER BY {quote(FROM)})"

    def computed(self) -> str:
        """The common table expressions, the last of them `versions`: the whole chain of every member with news."""
        return f"""
WITH incoming AS ({self.incoming()}),
stored AS ({self.stored()}),
merged AS ({self.merged()}),
filled AS ({self.filled()}),
chained AS ({self.chained()}),
kept AS ({self.kept()}),
versions AS ({self.versions()})
""".strip()

    def incoming(self) -> str:
        """The staged versions; of several for one instant the last. `of_source`: not made here, as a tombstone is."""
        where = without(self.left_out)
        of_one = f"{', '.join(self.key)}, {quote(FROM)}"
        staged = (
            f"SELECT {self.carried()}, 1 AS of_source FROM (SELECT {self.carried()},"
            f" row_number() OVER (PARTITION BY {of_one} ORDER BY {quote(ROW)} DESC) AS nth FROM {self.stage}{where}"
            ") numbered WHERE nth = 1"
        )
        return f"{staged} UNION ALL {self.died()} UNION ALL {self.revived(where)}" if self.snapshot_at else staged

    def died(self) -> str:
        """Tombstones of the members that the snapshot has not got: their last attributes, from now on."""
        alive = f"t.{quote(CURRENT)} AND NOT t.{quote(DELETED)} AND NOT t.{quote(INFERRED)}"
        return (
            f"SELECT {self._at_snapshot('t', 't', 'TRUE')}, 0 FROM {self.target} t"
            f" LEFT ANTI JOIN {self.stage} s ON {self.same_key('t', 's')} WHERE {alive}"
        )

    def revived(self, where: str) -> str:
        """Members that come back after a tombstone, or are not what they were, with a change time from before it.

        What the snapshot says is true now, so it begins now.
        """
        newest_first = f"ORDER BY {quote(FROM)} DESC, {quote(ROW)} DESC"
        newest = f"row_number() OVER (PARTITION BY {', '.join(self.key)} {newest_first})"
        differs = " OR ".join(f"NOT (s.{name} <=> t.{name})" for name in self.held)
        return (
            f"SELECT {self._at_snapshot('s', 't', f's.{quote(DELETED)}')}, 1"
            f" FROM (SELECT {self.carried()}, {newest} AS nth FROM {self.stage}{where}) s"
            f" JOIN {self.target} t ON {self.same_key('s', 't')}"
            f" WHERE s.nth = 1 AND t.{quote(CURRENT)} AND s.{quote(FROM)} < t.{quote(FROM)} AND ({differs})"
        )

    def _at_snapshot(self, attributes: str, current: str, deleted: str) -> str:
        """A version that begins at the snapshot; a second after the current one when that is not older."""
        after = f"date_add({current}.{quote(FROM)}, INTERVAL 1 SECOND)"
        begins = f"greatest(CAST('{self.snapshot_at}' AS DATETIME), {after})"
        own = {quote(FROM): begins, quote(DELETED): deleted}
        names = self.carried().split(", ")
        return ", ".join(own.get(name, f"{attributes}.{name}") for name in names)

    def stored(self) -> str:
        """All versions that are there of the members that have news."""
        return (
            f"SELECT {self.carried('d')}, d.{quote(TO)}, d.{quote(INFERRED)}"
            f" FROM {self.target} d LEFT SEMI JOIN incoming i ON {self.same_key('d', 'i')}"
        )

    def merged(self) -> str:
        """Both together. A staged version that is stored already counts as stored, with the staged attributes."""
        return (
            f"SELECT {self.carried('i')}, CASE WHEN d.{self.key[0]} IS NULL THEN 1 ELSE 0 END AS is_new,"
            f" 0 AS was_inferred, i.of_source AS of_source"
            f" FROM incoming i LEFT JOIN stored d ON {self.same_version('d', 'i')}"
            f" UNION ALL SELECT {self.carried('d')}, 0, CASE WHEN d.{quote(INFERRED)} THEN 1 ELSE 0 END, 0"
            f" FROM stored d LEFT ANTI JOIN incoming i ON {self.same_version('d', 'i')}"
        )

    def filled(self) -> str:
        """A member that was inferred takes the attributes of the first version that is known."""
        apart = [*self.key, quote(FROM), *(quote(name) for name in sorted(self.mapping.lineage))]
        attributes = [
            f"CASE WHEN was_inferred = 1 THEN lead({name}) OVER {self.window()} ELSE {name} END AS {name}"
            for name in self.held
        ]
        return f"SELECT {', '.join([*apart, *attributes])}, is_new, of_source FROM merged"

    def chained(self) -> str:
        """Each version with its place and the attributes of the one before it."""
        before = "".join(f", lag({name}) OVER {self.window()} AS before_{at}" for at, name in enumerate(self.held))
        place = f"row_number() OVER {self.window()} AS place"
        return f"SELECT {self.carried()}, is_new, of_source{before}, {place} FROM filled"

    def kept(self) -> str:
        """Without the new versions that change nothing."""
        changed = " OR ".join(f"NOT (c.{name} <=> c.before_{at})" for at, name in enumerate(self.held)) or "FALSE"
        return f"SELECT {self.carried('c')}, c.of_source FROM chained c WHERE c.is_new = 0 OR c.place = 1 OR {changed}"

    def versions(self) -> str:
        """Each version with the instant at which the next one begins."""
        return f"SELECT {self.carried()}, of_source, lead({quote(FROM)}) OVER {self.window()} AS next_from FROM kept"

    def written(self) -> str:
        """The versions that are not stored as they should be."""
        until = f"coalesce(c.next_from, CAST('{OPEN_END}' AS DATETIME))"
        differs = "".join(f" OR NOT (c.{name} <=> t.{name})" for name in self.held)
        return (
            f"SELECT {self.carried('c')}, {until}, c.next_from IS NULL, FALSE"
            f" FROM versions c LEFT JOIN stored t ON {self.same_version('c', 't')}"
            f" WHERE t.{self.key[0]} IS NULL OR t.{quote(TO)} <> {until} OR t.{quote(INFERRED)}{differs}"
        )

    def changing(self) -> str:
        """How many rows of the source make a version, change one, or say what an inferred member is.

        A member of a snapshot counts once, also when its row makes a late version and one that begins now.
        """
        differs = "".join(f" OR NOT (c.{name} <=> t.{name})" for name in self.held)
        distinct = "DISTINCT " if self.snapshot_at else ""
        named = [*(f"c.{name}" for name in self.key), *([] if self.snapshot_at else [f"c.{quote(FROM)}"])]
        found = (
            f"SELECT {distinct}{', '.join(named)} FROM versions c LEFT JOIN stored t ON {self.same_version('c', 't')}"
            f" WHERE (c.of_source = 1 AND (t.{self.key[0]} IS NULL{differs})) OR t.{quote(INFERRED)}"
        )
        return f"SELECT count(*) AS n FROM ({found}) changing"
