"""Jobs as what they are: processes that `./run` starts, and how they ended."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Completed:
    """A job that has ended; `document` is what it printed with --json."""

    exit_code: int
    stdout: str
    stderr: str
    document: dict[str, Any]

    @property
    def error(self) -> str:
        """What went wrong, as it was told: in the document, or on stderr when there was no run yet."""
        return str(self.document["error"]) if self.document else self.stderr

    def step(self, name: str) -> dict[str, Any]:
        """One step of the run."""
        return next(step for step in self.document["steps"] if step["step"] == name)


@dataclass(frozen=True)
class Started:
    """A job that is running."""

    process: subprocess.Popen[str]

    def end(self) -> Completed:
        """Waits for its end and reads what it printed."""
        stdout, stderr = self.process.communicate(timeout=LONGEST_SECONDS)
        document = json.loads(stdout) if stdout.startswith("{") else {}
        return Completed(self.process.returncode, stdout, stderr, document)
