"""The client's half of a load, as one process: read, parse strictly, put aside, stage by Stream Load.

What is left out is the server's half (count, audit, publish), which a null sink cannot do. `python -m bench.client`
prints rows and peak memory as JSON.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from lib import catalog, columns
from lib.loading import conform, mapping, stage
from lib.loading.load import source_kind
from lib.reading import Known, Window
from lib.stream_load.load import StreamLoad
from lib.warehouse import Warehouse


def main() -> None:
    """Loads fact_sale into the stage table of a run that is never published."""
    table = catalog.tables()["fact_sale"]
    warehouse = Warehouse(job="bench", run_id="bench")
    target = columns.of(warehouse, table.name)
    rows = rejects = 0
    for part in source_kind(table).parts(table, Known(), Window()):
        batches = part.batches()
        first = next(batches)
        plan = mapping.plan(table, target, [name for name in first.frame.columns if name != mapping.SOURCE])
        with stage.opened(warehouse, StreamLoad.connect(), plan, table.name, "bench") as staged:
            for batch in itertools.chain([first], batches):
                good, bad = conform.conform(batch, plan.direct, plan.required)
                staged.add(good)
                rejects += len(bad)
            staged.flush()
            rows += staged.sent
    print(json.dumps({"rows": rows, "rejects": rejects, "peak_mb": _peak()}))


def _peak() -> int:
    """Peak resident memory in MB. Not getrusage: that begins with what the parent had when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
