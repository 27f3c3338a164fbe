"""What a Stream Load answers: numbers and status.

Names and texts: be/src/runtime/stream_load/stream_load_context.cpp.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from emulator.stream_load.headers import LabelTaken, LoadError

MOST_ERROR_LINES = 50


def milliseconds(start: float) -> int:
    """Since a reading of time.monotonic()."""
    return int((time.monotonic() - start) * 1000)


@dataclass
class Counts:
    """Rows and bytes of a load, and milliseconds of its phases."""

    total: int = 0
    loaded: int = 0
    filtered: int = 0
    unselected: int = 0
    received_bytes: int = 0
    plan_ms: int = 0
    read_ms: int = 0
    write_ms: int = 0
    commit_ms: int = 0
    errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def numbers(self, failed: bool) -> dict[str, int]:
        """The numbers of an answer, under StarRocks' names."""
        return {
            "NumberTotalRows": self.total,
            "NumberLoadedRows": 0 if failed else self.loaded,
            "NumberFilteredRows": self.filtered,
            "NumberUnselectedRows": self.unselected,
            "LoadBytes": self.received_bytes,
            "LoadTimeMs": milliseconds(self.started),
            "BeginTxnTimeMs": 0,
            "StreamLoadPlanTimeMs": self.plan_ms,
            "ReadDataTimeMs": self.read_ms,
            "WriteDataTimeMs": self.write_ms,
            "CommitAndPublishTimeMs": self.commit_ms,
        }


def status(error: LoadError | None) -> dict[str, Any]:
    """Status and Message of an answer."""
    if isinstance(error, LabelTaken):
        return {"Status": "Label Already Exists", "ExistingJobStatus": error.existing, "Message": str(error)}
    if error is not None:
        return {"Status": "Fail", "Message": str(error)}
    return {"Status": "Success", "Message": "OK"}
