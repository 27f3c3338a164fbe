"""The floors of the house: who may import whom (.importlinter), and who may import what from outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT, parsed, python_files, shown, told

# One module imports each outside thing; what else may touch it helps that module alone.
DOORS = {
    "pymysql": {"lib/warehouse.py", "lib/warehouse_errors.py"},
    "requests": {"lib/stream_load/http.py"},
    "apprise": {"lib/notify.py"},
    "confluent_kafka": {"lib/sources/_kafka/broker.py"},
    "sqlalchemy": {"lib/sources/_sql/database.py", "lib/sources/sql.py", "lib/sources/_sql/clock.py"},
    "opentelemetry": {"lib/telemetry.py", "lib/telemetry_export.py"},
    "structlog": {"lib/log.py", "lib/log_pipeline.py"},
    "filelock": {"lib/lock.py"},
    "stamina": {"lib/retry.py"},
    "obstore": {"lib/sources/_files/bucket.py", "emulator/backup/bucket.py"},
    "dotenv": {"lib/settings_reading.py"},
}
# The doctor looks at the outside things themselves, with less patience and other words than a door has.
EXAMINERS = "lib/probes/"


def test_floors_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, (
        "a module imports what is not below it, or a module of lib has no floor: move the import, or name "
        f"the module in .importlinter\n{result.stdout}{result.stderr}"
    )


def test_one_module_imports_each_outside_thing() -> None:
    faults = []
    for path in python_files("lib", "jobs"):
        for line, package in _imported(path):
            allowed = DOORS.get(package)
            if allowed and shown(path) not in allowed and not shown(path).startswith(EXAMINERS):
                faults.append(f"{shown(path)}:{line}: {package}, whose door is {', '.join(sorted(allowed))}")
    assert not faults, told(faults, "ask the door, do not import what is behind it:")


def _imported(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module.partition(".")[0]))
    return found
