"""What people are told of a verified night: its findings by severity, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lib import notify
from lib.reports.audit import Report
from lib.reports.durations import duration
from lib.verification import Result
from lib.warehouse import Row


def send(report: Report, files: Mapping[str, Path]) -> list[str]:
    """One message for CRITICAL findings, one for WARNING, and the summary of the night at INFO.

    Returns the addresses' answers that are worth a line: messages that were not delivered.
    """
    attached = [files["html"], files["json"]]
    told = []
    for severity in ("CRITICAL", "WARNING"):
        found = report.faults(severity)
        if found:
            title = f"verify {severity}: {len(found)} findings in the night of {report.cycle}"
            key = f"verify-{severity.lower()}"
            told.append(notify.send(severity, title, findings(found, files), attach=attached, dedup_key=key))
    told.append(notify.send("INFO", f"night of {report.cycle}: {report.headline}", summary(report), attach=attached))
    return [one.detail for one in told if one.configured and not one.delivered]


def findings(found: list[Result], files: Mapping[str, Path]) -> str:
    """A line a finding, then what to do next."""
    lines = [line(result) for result in found]
    subjects = " ".join(f"--only {name}" for name in dict.fromkeys(result.subject for result in found))
    lines += ["", f"next: ./run verify {subjects}", f"report: {files['html']}"]
    return "\n".join(lines)


def line(result: Result) -> str:
    """One finding in one line; the numbers are in the measured words. No value of a row is in it."""
    # A file of checks/ is one check, called after the file.
    name = result.subject if result.text == result.subject else f"{result.subject} {result.text}"
    return f"{result.severity} {name}: {result.measured}"


def summary(report: Report) -> str:
    """Jobs with durations, rows per table, quarantine, backup, and what is only worth knowing."""
    night = report.night
    lines = ["jobs:"]
    lines += [f"  {run['job']}: {run['state']}, {duration(run['seconds'])}" for run in night.runs] or ["  none"]
    lines += ["rows loaded:"]
    lines += [f"  {load['target']}: {_rows(load)}" for load in night.loads] or ["  none"]
    backups = [f"{backup['label']} {backup['state']}" for backup in night.backups]
    lines += [f"backup: {', '.join(backups) or 'none'}"]
    lines += [line(result) for result in report.faults("INFO")]
    return "\n".join(lines)


def _rows(load: Row) -> str:
    standing = int(load["rows_standing"])
    as_before = f", {standing:,} as before" if standing else ""
    return f"{load['rows_loaded']:,} loaded, {load['rows_quarantined'] - standing:,} in quarantine{as_before}"
