"""What `./run doctor` looks at: each public function of the files of this folder is one probe, found by its name.

A probe takes a `Patient` and returns what it saw. It raises `Doubt` for what works but should be mended, and the
error of `lib.errors` that fits for what does not work: `Unavailable` when a service does not answer, `Misconfigured`
otherwise; the error's hint is the fix. A file may say in NEEDS which probes have to be well before its own make sense.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from lib import log
from lib.errors import Exit, Told
from lib.warehouse import Warehouse

State = Literal["OK", "WARN", "FAIL", "SKIP"]
# Seconds that a probe waits for somebody else's port.
PATIENCE = 5.0


@dataclass(frozen=True)
class Patient:
    """What probes look at: the settings are read where they are used."""

    warehouse: Warehouse
    run_id: str
    dry_run: bool


@dataclass(frozen=True)
class Finding:
    """What one probe found."""

    name: str
    state: State
    said: str
    fix: str = ""
    exit_code: Exit = Exit.DONE


class Doubt(Told):
    """It works, and still somebody should look."""


Probe = Callable[[Patient], str]


def examine(patient: Patient) -> Iterator[Finding]:
    """Every probe, those first that others need; one that fails does not stop the others."""
    well: dict[str, bool] = {}
    for module in _in_order():
        unwell = [name for name in getattr(module, "NEEDS", ()) if not well.get(name, False)]
        for name, probe in _probes(module):
            if unwell:
                finding = Finding(name, "SKIP", f"not looked at: {', '.join(unwell)} first")
            else:
                finding = _tried(name, probe, patient)
            well[name] = finding.state in ("OK", "WARN")
            yield finding


def _tried(name: str, probe: Probe, patient: Patient) -> Finding:
    try:
        return Finding(name, "OK", probe(patient))
    except Doubt as doubt:
        return Finding(name, "WARN", doubt.message, doubt.hint)
    except Told as error:
        code = Exit.UNAVAILABLE if error.exit_code is Exit.UNAVAILABLE else Exit.CONFIGURATION
        return Finding(name, "FAIL", error.message, error.hint, code)
    except Exception as error:
        # A bug of one probe must not hide what the others have to say; the log has its traceback.
        log.exception("probe_bug", error, probe=name)
        return Finding(name, "FAIL", f"bug: {type(error).__name__}: {error}", "please report it", Exit.BUG)


def _in_order() -> Sequence[ModuleType]:
    """The files of this folder by name, each after those whose probes it needs."""
    waiting = [
        importlib.import_module(f"lib.probes.{path.stem}") for path in sorted(Path(__file__).parent.glob("[!_]*.py"))
    ]
    known: set[str] = set()
    found: list[ModuleType] = []
    while waiting:
        ready = [module for module in waiting if set(getattr(module, "NEEDS", ())) <= known]
        if not ready:
            raise AssertionError(f"probes that need each other: {', '.join(module.__name__ for module in waiting)}")
        found += ready
        known |= {name for module in ready for name, _ in _probes(module)}
        waiting = [module for module in waiting if module not in ready]
    return found


def _probes(module: ModuleType) -> list[tuple[str, Probe]]:
    return [
        (name, function)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]
