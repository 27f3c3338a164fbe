"""The stage: a table of this run in the stage database, filled by Stream Load and counted.

No reader has a grant on that database, and nothing of a load is visible elsewhere before it is published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lib import columns, log
from lib.background import Background
from lib.columns import LONGEST_BYTES, Column
from lib.errors import Refused, Told
from lib.loading.mapping import LOST, ROW, SOURCE, Mapping
from lib.settings import settings
from lib.stream_load.load import Body, Request, StreamLoad
from lib.warehouse import Warehouse, quote

if TYPE_CHECKING:
    import polars

# A chunk is sent when it has this size: large enough that a load makes few versions (a tablet takes 1000,
# be/src/common/config.h tablet_max_versions), small enough to be sent again after a lost answer.
CHUNK_BYTES = 128 * 1024 * 1024
_OWN = re.compile(r"(?:s|f)_\w+?__(\d{8}T\d{6}_[0-9a-f]{6})_\d+$")


@dataclass
class Stage:
    """One stage table and what has been sent to it. While a chunk is under way, the next one is spooled."""

    warehouse: Warehouse
    loader: StreamLoad
    name: str
    mapping: Mapping
    spool: Path
    sent: int = 0
    chunks: int = 0
    _added: int = field(default=0, repr=False)
    _sealed: int = field(default=0, repr=False)
    _sending: Background[None] | None = field(default=None, repr=False)

    @property
    def table(self) -> str:
        """Its quoted name with the database."""
        return quote(self.warehouse.stage_database, self.name)

    def add(self, frame: polars.DataFrame) -> None:
        """Spools rows, and sends them when a chunk is full. Rows are numbered over the whole part, in their order."""
        import polars as pl

        if frame.is_empty():
            return
        numbered = frame.with_columns(
            pl.int_range(self._added + 1, self._added + frame.height + 1, dtype=pl.Int64).alias(ROW)
        )
        with self.spool.open("ab") as file:
            numbered.select(ROW, SOURCE, *self.mapping.sent).write_csv(
                file,
                include_header=False,
                separator="\x01",
                line_terminator="\x02",
                null_value="\\N",
                quote_style="never",
            )
        self._added += frame.height
        if self.spool.stat().st_size >= CHUNK_BYTES:
            self._send()

    def flush(self) -> None:
        """Sends what is spooled and waits for all that is under way. Raises what `StreamLoad.load` raises."""
        self._send()
        self._wait()

    def _send(self) -> None:
        """Begins to send what is spooled as one Stream Load with a label of its own, after the one before."""
        self._wait()
        rows = self._added - self._sealed
        if not rows:
            return
        self._sealed = self._added
        self.chunks += 1
        chunk = self.spool.rename(self.spool.with_stem(f"{self.name}.{self.chunks}"))
        self._sending = Background(partial(self._carry, chunk, rows, self.chunks))

    def _carry(self, chunk: Path, rows: int, number: int) -> None:
        label = f"ns_{self.name}_{number}"
        request = Request(self.warehouse.stage_database, self.name, label, self.mapping.header, Body(chunk), rows)
        self.loader.load(request)
        chunk.unlink(missing_ok=True)

    def _wait(self) -> None:
        if self._sending is not None:
            self._sending.wait()
            self._sending = None
            self.sent = self._sealed

    def check_count(self) -> None:
        """Rows sent must be rows staged; raises `Refused` otherwise, before anything is published."""
        staged = int(self.warehouse.value(f"SELECT count(*) AS n FROM {self.table}") or 0)
        if staged != self.sent:
            raise Refused(
                f"{self.name}: {self.sent:,} rows were sent and {staged:,} arrived",
                hint="run the job again; tell us of it",
            )


@contextmanager
def opened(warehouse: Warehouse, loader: StreamLoad, mapping: Mapping, target: str, load_id: str) -> Iterator[Stage]:
    """A stage table for the block, whose name no other has had; dropped afterwards, also when the block fails."""
    name = f"s_{target}__{load_id.replace('-', '_')}"
    spool = settings().state_dir / "spool" / f"{name}.csv"
    spool.parent.mkdir(parents=True, exist_ok=True)
    _remove(spool.parent, name)
    stage = Stage(warehouse, loader, name, mapping, spool)
    warehouse.write(_create(stage))
    try:
        yield stage
    finally:
        # What is still under way after a fault is not waited for: without its table it comes to nothing.
        _remove(spool.parent, name)
        drop(warehouse, name)


def drop(warehouse: Warehouse, name: str) -> None:
    """Drops a stage table; one that stays behind is swept by a later run."""
    with suppress(Told):
        warehouse.write(f"DROP TABLE IF EXISTS {quote(warehouse.stage_database, name)} FORCE")


def sweep(warehouse: Warehouse) -> int:
    """Drops stage tables and spool files whose run is not running any more; returns how many."""
    found = warehouse.read(
        "SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = %s",
        (warehouse.stage_database,),
    )
    spool = settings().state_dir / "spool"
    names = [*(row["TABLE_NAME"] for row in found), *(path.name.partition(".")[0] for path in spool.glob("*.csv"))]
    runs = {name: match[1].replace("_", "-") for name in names if (match := _OWN.match(name))}
    if not runs:
        return 0
    alive = {row["run_id"] for row in warehouse.read("SELECT run_id FROM ops_job_run WHERE state = 'running'")}
    dead = [name for name, run in runs.items() if run not in alive]
    for name in dead:
        _remove(spool, name)
        drop(warehouse, name)
    if dead:
        log.info("stage_swept", tables=len(dead))
    return len(dead)


def _remove(folder: Path, name: str) -> None:
    """Removes what is spooled for a stage table."""
    for left in folder.glob(f"{name}.*"):
        left.unlink(missing_ok=True)


def _create(stage: Stage) -> str:
    wanted = [f"{quote(ROW)} BIGINT NOT NULL", f"{quote(SOURCE)} VARCHAR({columns.STRING_BYTES}) NULL"]
    wanted += [f"{quote(LOST)} VARCHAR({columns.LONGEST_NAME}) NULL"] if stage.mapping.guarded else []
    wanted += [f"{quote(column.name)} {_type(column, stage.mapping)} NULL" for column in stage.mapping.staged]
    return (
        f"CREATE TABLE {stage.table} ({', '.join(wanted)}) DUPLICATE KEY ({quote(ROW)})"
        f" DISTRIBUTED BY HASH ({quote(ROW)}) BUCKETS 4"
    )


def _type(column: Column, mapping: Mapping) -> str:
    """The target's type; text from an expression gets room, so that a value too long is seen and not cut off."""
    if column.kind == "json":
        return f"VARCHAR({LONGEST_BYTES})"
    if column.is_text and column.name in mapping.derived:
        return f"VARCHAR({LONGEST_BYTES})"
    return column.type
