"""The client's half of a load, as one process: read, parse strictly, put aside, stage by Stream Load.

What is left out is the server's half (count, audit, publish), which a null sink cannot do. `python -m bench.client
TABLE [--passes N]` prints rows, seconds of the last pass and peak memory as JSON; passes before it warm up.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

from lib import catalog, columns
from lib.catalog import TableFile
from lib.columns import Column
from lib.loading import conform, mapping, stage
from lib.loading.load import source_kind
from lib.reading import Known, Window
from lib.stream_load.load import StreamLoad
from lib.warehouse import Warehouse


def main() -> None:
    """Loads a table into the stage table of a run that is never published."""
    options = argparse.ArgumentParser(prog="python -m bench.client")
    options.add_argument("table")
    options.add_argument("--passes", type=int, default=1)
    asked = options.parse_args()
    table = catalog.tables()[asked.table]
    warehouse = Warehouse(job="bench", run_id="bench")
    target = columns.of(warehouse, table.name)
    for _ in range(asked.passes):
        begun = time.perf_counter()
        rows, rejects = _carry(table, warehouse, target)
    seconds = time.perf_counter() - begun
    print(json.dumps({"rows": rows, "rejects": rejects, "seconds": seconds, "peak_mb": _peak()}))


def _carry(table: TableFile, warehouse: Warehouse, target: list[Column]) -> tuple[int, int]:
    rejects = 0
    parts = source_kind(table).parts(table, Known(columns=mapping.kinds(table, target)), Window())
    # One stage for all parts: its statements go to the embedded server, which is not measured here.
    batches = (batch for part in parts for batch in part.batches())
    first = next(batches)
    plan = mapping.plan(table, target, [name for name in first.frame.columns if name != mapping.SOURCE])
    with stage.opened(warehouse, StreamLoad.connect(), plan, table.name, "bench") as staged:
        for batch in itertools.chain([first], batches):
            good, bad = conform.conform(batch, plan.direct, plan.required)
            staged.add(good)
            rejects += len(bad)
        staged.flush()
    return staged.sent, rejects


def _peak() -> int:
    """Peak resident memory in MB. Not getrusage: that begins with what the parent had when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
