"""Two nights of the warehouse on this machine, with the embedded server: `make demo`.

The jobs are those of the checked-in crontab, in its order, started as cron starts them: as processes, through
`./run`. Their clock is set to the time of each line. Nothing is left running, and a second demo starts anew.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from examples import findings, screen
from examples.playground import REPOSITORY, CannotStart, Playground, open_playground
from lib import crontab

# The first night ends a month, the second one begins the next: monthly figures get two rows.
NIGHT = date(2026, 10, 31)
HISTORY_DAYS = 14
ACCEPTED = (0, 3)


class JobFailed(Exception):
    """A job ended with an exit code that the demo does not accept; it has been shown."""


@dataclass(slots=True)
class Night:
    """Runs jobs one after the other and shows each; remembers which ones put rows aside."""

    playground: Playground
    partial: list[str] = field(default_factory=list)
    started: int = 0
    report: str = "none was written"

    def run(self, name: str, options: tuple[str, ...], at: datetime) -> dict[str, Any]:
        """Runs one job as a process and shows its line; raises `JobFailed`."""
        self.started += 1
        log = self.playground.directory / "logs" / f"{self.started:02}-{name}.log"
        begun = time.monotonic()
        with log.open("wb") as stderr:
            done = subprocess.run(
                [REPOSITORY / "run", name, *options, "--json"],
                env={**self.playground.environment(), "NIGHTSHIFT_NOW": at.isoformat(timespec="seconds")},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, check=False,
            )  # fmt: skip
        document = _document(done, log)
        screen.job(f"{at:%H:%M}", name, document, time.monotonic() - begun)
        screen.remarks(document)
        if done.returncode not in ACCEPTED:
            screen.error(document, log)
            raise JobFailed(f"{name} ended with {done.returncode}")
        if done.returncode:
            self.partial.append(name)
        return document

    def whole(self, day: date) -> None:
        """Runs the crontab from the evening of `day` to the morning after, and shows what was found."""
        port = self.playground.ports["mysql_port"]
        for entry in crontab.night(crontab.entries(REPOSITORY / "crontab")):
            evening = datetime.combine(day, datetime.min.time()) + timedelta(hours=12)
            at = evening + timedelta(minutes=entry.minute_of_night or 0)
            document = self.run(entry.job, entry.options, at)
            if document.get("rows", {}).get("quarantined"):
                screen.quarantined(findings.quarantined(port, document["run_id"]))
            self.report = document.get("report", {}).get("html", self.report)


def _document(done: subprocess.CompletedProcess[bytes], log: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        document = {"state": f"exit {done.returncode}", "error": "".join(last) or "printed no result"}
    return document


def play(playground: Playground, first_night: date) -> Night:
    """The whole demo. Raises `JobFailed`."""
    night, sources = Night(playground), playground.sources
    noon = datetime.combine(first_night, datetime.min.time()) + timedelta(hours=12)
    sources.fill(first_night - timedelta(days=1))
    screen.heading(f"Before the first night: {HISTORY_DAYS} days of history from {sources.first_day}")
    screen.columns()
    night.run("migrate", (), noon)
    night.run("load_history", (), noon + timedelta(minutes=10))
    for number, day in enumerate((first_night, first_night + timedelta(days=1)), start=1):
        new = sources.fill(day)
        screen.heading(
            f"Night {number}, {day} to {day + timedelta(days=1)}; new: {new.files} file"
            f"{' with bad rows' if day in sources.bad_days else ''}, {new.messages} messages, customers moved"
        )
        screen.columns()
        night.whole(day)
    return night


def _arguments() -> argparse.Namespace:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=about)
    parser.add_argument("--directory", type=Path, default=REPOSITORY / ".state" / "demo", help="emptied at the start")
    parser.add_argument(
        "--night", type=date.fromisoformat, default=NIGHT, help="the first night (default: %(default)s)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: about 1000 invoice lines and trades a day")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _terminated(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> int:
    """Plays the demo; 0 when every job ended with 0 or 3, 1 when one did not, 130 after Ctrl-C."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _terminated)
    begun = time.monotonic()
    first_day, bad = given.night - timedelta(days=HISTORY_DAYS), given.night + timedelta(days=1)
    directory = given.directory.absolute()
    try:
        with open_playground(directory, first_day, given.scale, given.seed, bad) as playground:
            night = play(playground, given.night)
    except (CannotStart, JobFailed) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; nothing is left running", file=sys.stderr)
        return 130
    _farewell(directory, night, time.monotonic() - begun)
    return 0


def _farewell(directory: Path, night: Night, seconds: float) -> None:
    screen.heading(f"Two nights in {seconds:.0f} s. Nothing is left running.")
    if night.partial:
        told = ", ".join(dict.fromkeys(night.partial))
        print(f"Ended with 3, which is done, but rows went to quarantine or an item failed: {told}")
    print(f"Report of the last night: {night.report}")
    print(f"Files, logs and data:     {directory}")


if __name__ == "__main__":
    sys.exit(main())
