"""How far a long load has come: a bar on a terminal, elsewhere a line in the log after each part."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from lib import log
from lib.reading import Batch, Part

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


@dataclass
class Progress:
    """What has been read of the parts of one table."""

    table: str
    total: int
    bar: Bar | None = None
    began: float = field(default_factory=time.monotonic)
    rows: int = 0
    _task: TaskID | None = None

    def parts(self, parts: Sequence[Part]) -> Iterator[Part]:
        """The same parts, counted when they have been dealt with, their rows as they are read."""
        if self.bar is not None:
            self._task = self.bar.add_task(self.table, total=len(parts), rows=0, rate=0)
        for done, part in enumerate(parts, start=1):
            yield replace(part, batches=partial(self._counted, part))
            self._tell(done)

    def _counted(self, part: Part) -> Iterator[Batch]:
        for batch in part.batches():
            self.rows += batch.rows
            if self.bar is not None and self._task is not None:
                self.bar.update(self._task, rows=self.rows, rate=int(self.rows / self._seconds))
            yield batch

    def _tell(self, done: int) -> None:
        if self.bar is not None and self._task is not None:
            self.bar.update(self._task, completed=done)
            return
        left = self._seconds / done * (self.total - done)
        log.info(
            "history",
            table=self.table,
            part=done,
            of=self.total,
            rows_read=self.rows,
            rows_a_second=int(self.rows / self._seconds),
            seconds_left=round(left),
        )

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self.began, 0.001)


@contextmanager
def shown(table: str, parts: Sequence[Part], *, quiet: bool) -> Iterator[Progress]:
    """Progress of these parts for the block: drawn when standard error is a terminal, and not `quiet`."""
    if quiet or not parts or sys.stderr is None or not sys.stderr.isatty():
        yield Progress(table, len(parts))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("parts, {task.fields[rows]:,} rows, {task.fields[rate]:,} rows/s,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
    ) as bar:
        yield Progress(table, len(parts), bar)
