"""Loads one table: read, stage, audit, publish, part by part. The order of things; each thing is a module of its own.

Every part is published in one transaction with its watermark, so a run that is killed at any instant and started again
goes on where the last published part ended, and rows that come twice are rows that are there already.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

from lib import clock, cluster, columns, log, quarantine, telemetry
from lib.catalog import TableFile
from lib.columns import Column
from lib.errors import DataRefused, Misconfigured
from lib.loading import audit, conform, mapping, publish, stage, watermark
from lib.loading.publish import Publication
from lib.loading.stage import Stage
from lib.reading import Known, Part, Reject, Window
from lib.rows import Rows
from lib.settings import settings
from lib.stream_load.load import StreamLoad

if TYPE_CHECKING:
    from lib.run import Run

# Rejects of the parser that are kept in memory; with more of them a load is stopped, tolerance or not.
MOST_REJECTS = 100_000
_SCD2_COLUMNS = ("valid_from", "valid_to", "is_current", "is_inferred")
# A label must not come twice in a process, also when a step is tried again.
_numbers = itertools.count(1)


class SourceKind(Protocol):
    """A module of lib/sources: adding a kind of source is adding a file with this function."""

    def parts(self, table: TableFile, known: Known, window: Window) -> Iterator[Part]:
        """The parts of the source that are to be loaded, in their order."""


def source_kind(table: TableFile) -> SourceKind:
    """The module that reads this table's source."""
    if table.source is None:
        raise Misconfigured(f"{table.path}: has no source")
    return cast(SourceKind, importlib.import_module(f"lib.sources.{table.source.kind}"))


def begin(run: Run) -> None:
    """What a job that loads does first: sweeps the stage tables that dead runs have left."""
    if not run.dry_run:
        stage.sweep(run.warehouse)


def load(run: Run, table: TableFile, window: Window | None = None) -> None:
    """Loads what is new of a table's source, or the rows of a range, and counts the rows of each part into the run."""
    asked = window or Window()
    target = columns.of(run.warehouse, table.name)
    parts = source_kind(table).parts(table, watermark.known(run.warehouse, table, target), asked)
    for _ in carry(run, table, target, asked, parts):
        pass
    if not run.dry_run:
        quarantine.supersede(run.warehouse, table, run_id=run.run_id, at=clock.now().replace(microsecond=0))


def carry(
    run: Run,
    table: TableFile,
    target: list[Column],
    window: Window,
    parts: Iterable[Part],
    state: str = quarantine.WAITING,
) -> Iterator[Carried]:
    """Brings parts into their table, whose columns are `target`, and yields each as soon as it is published.

    `state`: how its rejects are kept. A part that is refused does not stop those after it, unless it has a watermark.
    """
    _check_target(table, target)
    refused: list[DataRefused] = []
    run.count(Rows())
    loader = StreamLoad.connect(lambda: cluster.hosts(run.warehouse))
    for part in parts:
        one = _Load(run, table, target, window, part, loader, f"{run.run_id}-{next(_numbers)}", state)
        try:
            with telemetry.span(f"load {table.name}", **{"nightshift.table": table.name, "nightshift.part": part.name}):
                one.carry_out()
        except DataRefused as error:
            run.count(one.refused_rows)
            # A file stands for itself; what moves a watermark has to come in its order.
            if part.positions:
                raise
            refused.append(error)
            continue
        run.count(one.rows)
        log.info("loaded", table=table.name, part=part.name, load_id=one.load_id, **one.rows.as_dict())
        yield Carried(part, one.rows, one.rejects)
    if refused:
        others = f" ({len(refused) - 1} more like it)" if len(refused) > 1 else ""
        raise DataRefused(refused[0].message + others, hint=refused[0].hint)


@dataclass(frozen=True)
class Carried:
    """A part that has been published: its counts, and what of it went to quarantine."""

    part: Part
    rows: Rows
    rejects: Sequence[Reject]


@dataclass
class _Load:
    """One part of a source on its way into its table."""

    run: Run
    table: TableFile
    target: list[Column]
    window: Window
    part: Part
    loader: StreamLoad
    load_id: str
    state: str
    rows: Rows = field(default_factory=Rows)
    rejects: list[Reject] = field(default_factory=list)
    at: datetime = field(default_factory=lambda: clock.now().replace(microsecond=0))

    @property
    def refused_rows(self) -> Rows:
        """The counts of a load of which nothing is visible."""
        return replace(self.rows, loaded=0, repeated=0)

    def carry_out(self) -> None:
        """Reads the part and publishes it; a part without a row leaves its mark in the ledger all the same."""
        batches = self.part.batches()
        first = next(batches, None)
        names = [name for name in first.frame.columns if name != mapping.SOURCE] if first else []
        plan = mapping.plan(self.table, self.target, names) if first else mapping.nothing(self.table, self.target)
        with stage.opened(self.run.warehouse, self.loader, plan, self.table.name, self.load_id) as staged:
            for batch in itertools.chain([first] if first else [], batches):
                good, bad = conform.conform(batch, plan.direct, plan.required)
                self.rows.read += batch.rows
                self._put_aside(quarantine.whole(batch, bad))
                staged.add(good)
            if self.run.dry_run:
                self.rows.quarantined = len(self.rejects)
            else:
                staged.flush()
                staged.check_count()
                with self._alone():
                    self._publish(staged)

    def _alone(self) -> AbstractContextManager[None]:
        """Nobody else on this host looks at the table and writes into it meanwhile, such as a history beside the night.

        Of two that do so at once, neither sees the rows of the other: a key could come into two partitions, a member
        of an SCD 2 dimension have two versions that are current.
        """
        return self.run.holding(f"publish-{self.table.name}", patience=settings().starrocks_read_timeout)

    def _publish(self, staged: Stage) -> None:
        publication = Publication(
            warehouse=self.run.warehouse,
            table=self.table,
            target=self.target,
            stage=staged,
            part=self.part,
            window=self.window,
            load_id=self.load_id,
            run_id=self.run.run_id,
            cycle=self.run.record.cycle,
            at=self.at,
            rows=self.rows,
        )
        found = audit.findings(self.run.warehouse, self.table, staged, publication.partition) if staged.sent else []
        publication.left_out = [finding.row for finding in found]
        self._put_aside(audit.rejects(self.part, staged.mapping, found))
        self.rows.quarantined = len(self.rejects)
        standing = quarantine.standing(self.run.warehouse, self.table, self.rejects)
        if not self.table.tolerate.allows(len(standing.open), self.rows.read):
            self._refuse(standing)
        if self.state == quarantine.WAITING:
            self.rows.standing = standing.rows
            self._write_rejects(standing.news, accepted=True)
        else:
            # Somebody has asked for these rows: what came of each is news.
            self._write_rejects(standing.open, accepted=True)
        publish.publish(publication)
        for said in publication.notes:
            self.run.note(said)

    def _put_aside(self, rejects: list[Reject]) -> None:
        self.rejects += rejects
        if len(self.rejects) > MOST_REJECTS:
            self._refuse(quarantine.standing(self.run.warehouse, self.table, self.rejects))

    def _write_rejects(self, rejects: Sequence[Reject], *, accepted: bool) -> None:
        quarantine.write(
            self.run.warehouse,
            self.loader,
            self.table,
            rejects,
            quarantine.Origin(
                accepted,
                self.load_id,
                self.run.run_id,
                self.at,
                self.part.name,
                self.part.from_position,
                self.state,
            ),
        )

    def _refuse(self, known: quarantine.Standing) -> None:
        """Keeps the rejects for people to look at, and stops with nothing of the load visible."""
        self.rows.quarantined, self.rows.standing = len(self.rejects), known.rows
        self._write_rejects(known.news, accepted=False)
        first = self.rejects[0]
        raise DataRefused(
            f"{self.table.name}: {len(self.rejects):,} of {self.rows.read:,} rows do not fit, more than the table"
            f" tolerates; nothing of this load is visible. The first, {first.coordinates}:"
            f" {first.column or 'row'} = {first.value!r} ({first.reason})",
            hint=f"./run quarantine --only {self.table.name} --show 20; mend the source, or set `-- tolerate:` in"
            f" {self.table.path.name}, or drop the rows: ./run quarantine --dismiss --help",
        )


def _check_target(table: TableFile, target: list[Column]) -> None:
    names = {column.name for column in target}
    needed = (
        *table.key,
        *(_SCD2_COLUMNS if table.scd == 2 else ()),
        *((table.version,) if table.version else ()),
    )
    for name in needed:
        if name not in names:
            raise Misconfigured(f"{table.path}: {table.name} has no column {name}, which its header needs")
