"""`tests/clients/run`: every client in turn, each against a server of its own, then one table."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.harness import scripts
from tests.clients.harness.installing import ROOT, NotInstallable, python_with
from tests.clients.harness.scripts import Outcome, Script

ASYNC_DELAY_MS = 20
LOGS = ROOT / ".state" / "clients"


def main() -> int:
    """0 when every client that could be installed passed; 1 when one failed; 2 when no name fits."""
    chosen = scripts.find(sys.argv[1:])
    if not chosen:
        print(f"no client is called {' or '.join(sys.argv[1:])}", file=sys.stderr)
        return 2
    outcomes = []
    for script in chosen:
        began = time.monotonic()
        outcomes.append((script, outcome := tried(script)))
        print(f"{script.name}: {verdict(outcome)} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    print(table(outcomes))
    passed = sum(len(each.passed) for _, each in outcomes)
    failed = sum(len(each.failed) for _, each in outcomes)
    skipped = sum(len(each.refused) + bool(each.skipped) for _, each in outcomes)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def tried(script: Script) -> Outcome:
    """Install a client and run its programme against a new server; the log of a failed one is kept."""
    missing = scripts.missing_programs(script)
    if missing:
        return Outcome(skipped=f"not installed: {', '.join(missing)}")
    try:
        python = python_with(script.name, script.dependencies)
    except NotInstallable as reason:
        return Outcome(skipped=str(reason))
    with tempfile.TemporaryDirectory(prefix="client-") as folder:
        scratch, said = Path(folder) / "scratch", Path(folder) / "server.log"
        scratch.mkdir()
        with server(Path(folder) / "data", said) as ports:
            if not ports:
                told = (said.read_text().strip().splitlines() or ["it said nothing"])[-1]
                return Outcome(failed={"the embedded server did not start": told})
            outcome = scripts.run(script, python, environment(ports, str(scratch), str(python.parent)))
        if outcome.failed:
            log = LOGS / f"{script.name}.log"
            log.write_text(f"{outcome.log}\n--- the server:\n{said.read_text(errors='replace')}")
            print(f"{script.name}: what it said is in {log.relative_to(ROOT)}", file=sys.stderr)
    return outcome


@contextmanager
def server(data: Path, log: Path) -> Iterator[dict[str, int]]:
    """An embedded server as a process of its own; its free ports, none when it did not start (`log` says why)."""
    ports = ("--mysql-port=0", "--http-port=0", "--be-http-port=0", f"--async-delay-ms={ASYNC_DELAY_MS}")
    command = [sys.executable, "-m", "emulator", "--data", str(data), *ports]
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT) as process,
    ):
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline() or "{}")
        finally:
            process.terminate()


def environment(ports: dict[str, int], scratch: str, programs: str) -> dict[str, str]:
    """What a programme sees: the server's ports, a folder of its own, its venv's programs; no telemetry goes out."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "CI") if name in os.environ}
    return {
        **kept,
        "PATH": f"{programs}:{os.environ.get('PATH', '')}",
        "HOME": scratch,
        "TMPDIR": scratch,
        "PYTHONPATH": str(scripts.FOLDER / "harness"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "CLIENT_MYSQL_PORT": str(ports["mysql_port"]),
        "CLIENT_HTTP_PORT": str(ports["http_port"]),
        "CLIENT_SCRATCH": scratch,
        "DO_NOT_TRACK": "1",
    }


def verdict(outcome: Outcome) -> str:
    """`12/12`, `33/34, 1 refused`, or why it was skipped."""
    if outcome.skipped:
        return f"skipped: {outcome.skipped}"
    total = len(outcome.passed) + len(outcome.failed) + len(outcome.refused)
    told = f"{len(outcome.passed)}/{total}"
    return f"{told}, {len(outcome.refused)} refused" if outcome.refused else told


def table(outcomes: list[tuple[Script, Outcome]]) -> str:
    """One line a client; what failed or was refused follows, by name."""
    lines = [("client", "version", "passed", "what was run")]
    lines += [(script.name, each.version or "-", verdict(each), script.runs) for script, each in outcomes]
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    shown = []
    for at, line in enumerate(lines):
        shown.append("  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]))
        if at:
            outcome = outcomes[at - 1][1]
            shown += [f"    failed: {name}: {reason}" for name, reason in outcome.failed.items()]
            shown += [f"    refused: {name}: {reason}" for name, reason in outcome.refused.items()]
    return "\n".join(shown)


if __name__ == "__main__":
    sys.exit(main())
