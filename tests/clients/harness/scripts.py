"""The clients' programmes: what each needs, and what it said. Metadata is PEP 723, as `uv run` and pip know it.

# /// script
# dependencies = ["aiomysql==0.3.2", "pymysql==1.2.4"]
# [tool.client]
# package = "aiomysql"          # whose version the table shows
# programs = ["curl"]           # Debian programs that it needs; without a package, the first one's version
# runs = "pool, transactions"   # what was run, for the table
# seconds = 300                 # ended after
# ///
"""

import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
TAP = re.compile(r"(?P<failed>not )?ok - (?P<name>.*?)(?: # (?P<skip>SKIP )?(?P<reason>.*))?")


@dataclass(frozen=True)
class Script:
    """One client's programme."""

    path: Path
    dependencies: tuple[str, ...]
    package: str
    programs: tuple[str, ...]
    runs: str
    seconds: float

    @property
    def name(self) -> str:
        return self.path.stem.replace("_", "-")


@dataclass
class Outcome:
    """What came of a client: names of its checks, or why there were none."""

    version: str = ""
    passed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: str = ""
    log: str = ""


def find(wanted: list[str]) -> list[Script]:
    """The programmes whose names begin with one of `wanted`; all without any. Raises ValueError for bad metadata."""
    found = [read(path) for path in sorted(FOLDER.glob("*.py"))]
    prefixes = tuple(name.replace("_", "-") for name in wanted)
    return [script for script in found if not wanted or script.name.startswith(prefixes)]


def read(path: Path) -> Script:
    """A programme's metadata. Raises ValueError when it has none or a key is unknown."""
    block = re.search(r"^# /// script\n((?:#.*\n)+?)# ///$", path.read_text(), re.MULTILINE)
    if block is None:
        raise ValueError(f"{path.name}: no `# /// script` block: it says what the client needs")
    text = "".join(line.removeprefix("#").removeprefix(" ") for line in block.group(1).splitlines(keepends=True))
    data: dict[str, Any] = tomllib.loads(text)
    client = data.get("tool", {}).get("client", {})
    unknown = set(client) - {"package", "programs", "runs", "seconds"}
    if unknown or not client.get("runs"):
        raise ValueError(f"{path.name}: [tool.client] has {sorted(unknown) or 'no key runs'}")
    loose = [each for each in data.get("dependencies", ()) if "==" not in each]
    if loose:
        raise ValueError(f"{path.name}: not pinned to a version: {', '.join(loose)}")
    return Script(
        path,
        tuple(data.get("dependencies", ())),
        client.get("package", ""),
        tuple(client.get("programs", ())),
        client["runs"],
        float(client.get("seconds", 300)),
    )


def version(script: Script) -> str:
    """The pinned version of the client's package, else what its program says of itself."""
    if script.package:
        return next(each.partition("==")[2] for each in script.dependencies if each.startswith(f"{script.package}=="))
    said = subprocess.run([str(shutil.which(script.programs[0])), "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+[\w.]*", said)
    return found.group() if found else "?"


def run(script: Script, python: Path, environment: dict[str, str]) -> Outcome:
    """Run a programme in its venv and read what it said. A programme that dies or hangs has failed."""
    outcome = Outcome(version=version(script))
    # -P: this folder's file names are names of packages and must not hide them
    command = [str(python), "-P", str(script.path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=script.seconds, env=environment, cwd=environment["CLIENT_SCRATCH"],
        )  # fmt: skip
        said, outcome.log, end = done.stdout, done.stdout + done.stderr, f"exit code {done.returncode}"
        ended_well = done.returncode == 0
    except subprocess.TimeoutExpired as expired:
        said = (expired.stdout or b"").decode(errors="replace")
        outcome.log = said + (expired.stderr or b"").decode(errors="replace")
        end, ended_well = f"ended after {script.seconds:g} seconds", False
    for line in said.splitlines():
        note(outcome, line)
    if not ended_well or not (outcome.passed or outcome.failed):
        outcome.failed["the programme itself"] = end
    return outcome


def note(outcome: Outcome, line: str) -> None:
    """Take a TAP line into account; any other line is noise."""
    found = TAP.fullmatch(line)
    if found is None:
        return
    name, reason = found["name"], found["reason"] or ""
    if found["failed"]:
        outcome.failed[name] = reason
    elif found["skip"]:
        outcome.refused[name] = reason
    else:
        outcome.passed.append(name)


def missing_programs(script: Script) -> list[str]:
    """Programs that the client needs and this machine has not."""
    return [name for name in script.programs if shutil.which(name) is None]
