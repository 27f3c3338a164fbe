"""The checks of the night itself: one file a check, found by its name.

A check is a module with
    SEVERITY         -> CRITICAL, WARNING or INFO
    question(night)  -> what to ask and how to judge the answer; None when there is nothing to look at
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from lib.catalog import Severity
from lib.checks import Night, Question


class NightCheck(Protocol):
    """What a module of this folder offers."""

    SEVERITY: Severity

    def question(self, night: Night) -> Question | None:
        """What to ask about the night."""


def found() -> dict[str, NightCheck]:
    """Every check of this folder, by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return {name: cast(NightCheck, importlib.import_module(f"lib.checks.night.{name}")) for name in names}
