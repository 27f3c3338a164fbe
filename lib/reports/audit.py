"""The audit report of a night: one document, written as JSON, CSV and a page that needs nothing beside it."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from lib import verification
from lib.catalog import SEVERITIES, Severity
from lib.reports.durations import duration
from lib.reports.night import NightRecord
from lib.settings import settings
from lib.verification import Result

Verdict = Literal["good", "warning", "critical"]
LATEST = "latest"
CSV_COLUMNS = (
    "cycle", "subject", "check", "severity", "state", "wrong_rows", "value", "measured", "seconds", "place", "query",
)  # fmt: skip
# A spreadsheet takes such a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Report:
    """What verification found in a night, and what the night did."""

    cycle: date
    run_id: str
    at: datetime
    server: str
    results: Sequence[Result]
    night: NightRecord

    @property
    def verdict(self) -> Verdict:
        """critical, warning, or good; a finding of severity INFO leaves a night good."""
        if self.faults("CRITICAL"):
            return "critical"
        return "warning" if self.faults("WARNING") else "good"

    @property
    def counts(self) -> dict[str, int]:
        """Checks that passed, and those that did not by severity."""
        return verification.counts(self.results)

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        told = [f"{len(self.faults(one))} {one}" for one in SEVERITIES if self.faults(one)]
        total = len(self.results)
        if not told:
            return f"all {total} checks passed"
        return f"{', '.join(told)} of {total} checks have not passed"

    def faults(self, severity: Severity) -> list[Result]:
        """The checks of a severity that have not passed."""
        return verification.faults(self.results, severity)

    def document(self) -> dict[str, Any]:
        """The whole report with plain values."""
        return {
            "night": self.cycle,
            "verdict": self.verdict,
            "headline": self.headline,
            "counts": self.counts,
            "run_id": self.run_id,
            "verified_at": self.at,
            "server": self.server,
            "checks": [asdict(result) for result in self.results],
            **asdict(self.night),
        }


def write(report: Report, *, partial: bool = False) -> dict[str, Path]:
    """Writes verify.json, verify.csv and verify.html into <reports>/<night>/ and <reports>/latest/.

    Each file appears whole or not at all. A `partial` report (of some tables only) goes into a folder of its run
    and leaves those of the night alone. Returns the files of the night by kind.
    """
    contents = {"json": _json(report), "csv": _csv(report), "html": page(report)}
    night = settings().reports / str(report.cycle)
    folders = [night / report.run_id] if partial else [settings().reports / LATEST, night]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, text in contents.items():
            _replace(folder / f"verify.{kind}", text)
    return {kind: folders[-1] / f"verify.{kind}" for kind in contents}


def page(report: Report) -> str:
    """The report as one page of HTML; every value in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.filters["number"] = lambda value: f"{int(value or 0):,}"
    by_subject: dict[str, list[Result]] = {}
    for result in report.results:
        by_subject.setdefault(result.subject, []).append(result)
    faults = [result for severity in SEVERITIES for result in report.faults(severity)]
    return environment.get_template("report_page.html").render(
        report=report, night=report.night, faults=faults, by_subject=by_subject, severities=SEVERITIES
    )


def _json(report: Report) -> str:
    return json.dumps(report.document(), ensure_ascii=False, indent=2, default=_plain) + "\n"


def _plain(value: object) -> object:
    """What json does not know: dates as ISO text, the decimals of sums as numbers."""
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _csv(report: Report) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for result in report.results:
        values = {**asdict(result), "cycle": report.cycle, "check": result.text}
        writer.writerow([_cell(values[name]) for name in CSV_COLUMNS])
    return file.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would execute gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
