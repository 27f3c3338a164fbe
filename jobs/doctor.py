"""Look at everything a night needs, and say what to mend.

By hand, after a change of settings or hosts. Writes one scratch table in the stage database and drops it.
Ends with 0 when nothing fails, with 78 when a setting or file is wrong, with 69 when only services do not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lib import probes, streams
from lib.errors import Exit, Told
from lib.job import job
from lib.probes import Finding, Patient
from lib.run import Run


@job(recorded=False)
def doctor(run: Run) -> None:
    """Examines, printing each finding as it comes."""
    found = []
    for finding in probes.examine(Patient(run.warehouse, run.run_id, run.dry_run)):
        found.append(finding)
        if not run.args.json:
            _print(finding)
    counts = {state: sum(finding.state == state for finding in found) for state in ("OK", "WARN", "FAIL", "SKIP")}
    run.result["doctor"] = {"counts": counts, "findings": [asdict(finding) for finding in found]}
    _judge([finding for finding in found if finding.state == "FAIL"])


def _print(finding: Finding) -> None:
    streams.out(f"{finding.state:<4}  {finding.name:<20} {finding.said}")
    if finding.fix:
        streams.out(f"{'':26} fix: {finding.fix}")


def _judge(failed: Sequence[Finding]) -> None:
    """Raises what the exit code is made of."""
    if not failed:
        return
    told = f"{len(failed)} failed: {', '.join(finding.name for finding in failed)}"
    error = Told(told, hint="mend them from the top: later ones may follow")
    codes = {finding.exit_code for finding in failed}
    error.exit_code = next(code for code in (Exit.BUG, Exit.CONFIGURATION, Exit.UNAVAILABLE) if code in codes)
    raise error
