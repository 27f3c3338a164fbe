"""The checked-in crontab: fit for Debian's cron and for supercronic, in the order that the jobs declare."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from crontab import CronTab

from lib import crontab, job_files
from lib.crontab import Entry
from lib.job_files import JobFile
from tests.house.tree import ROOT, told

CRONTAB = ROOT / "crontab"
TEXT = CRONTAB.read_text(encoding="utf-8")
WHEN_NIGHTLY = re.compile(r"^\n(Evening|Morning)\b", re.MULTILINE)
WHEN_ASKED = re.compile(r"^\n(By hand|At any time)\b", re.MULTILINE)
VARIABLES = ("SHELL", "PATH", "MAILTO")


@pytest.fixture
def entries() -> list[Entry]:
    return crontab.entries(CRONTAB)


@pytest.fixture
def jobs() -> dict[str, JobFile]:
    return {job.name: job for job in job_files.read_all()}


def test_every_line_is_a_job_for_cron(entries: list[Entry]) -> None:
    # python-crontab keeps a line that it does not understand as text, without a word.
    understood = [item for item in CronTab(tabfile=str(CRONTAB)) if item.is_valid() and item.is_enabled()]
    assert [str(item.slices) for item in understood] == [entry.schedule for entry in entries]
    assert all(CronSim(entry.schedule, datetime(2026, 1, 1, tzinfo=UTC)).explain() for entry in entries)


def test_nothing_that_one_of_the_crons_reads_otherwise(entries: list[Entry]) -> None:
    lines = dict(enumerate(TEXT.splitlines(), start=1))
    faults = [f"crontab:{e.number}: {e.program}: not absolute" for e in entries if not e.program.startswith("/")]
    for number in (entry.number for entry in entries):
        faults += [f"crontab:{number}: {sign!r}" for sign in "%#" if sign in lines[number]]
    faults += [f"no {name}= line" for name in VARIABLES if not re.search(rf"^{name}=", TEXT, re.MULTILINE)]
    if re.search(r"^(CRON_)?TZ=", TEXT, re.MULTILINE):
        faults.append("a TZ or CRON_TZ line: Debian's cron does not schedule by it")
    if not TEXT.endswith("\n"):
        faults.append("no line break at the end: Debian's crontab refuses the file")
    assert not faults, told(faults, "write lines such as `0 19 * * * /opt/nightshift/run backup`:")


def test_every_job_is_in_the_crontab_or_by_hand(entries: list[Entry], jobs: dict[str, JobFile]) -> None:
    nightly = {entry.job for entry in entries}
    faults = [f"crontab: {name}: no file jobs/{name}.py" for name in sorted(nightly - set(jobs))]
    for job in jobs.values():
        if job.name in nightly and not WHEN_NIGHTLY.search(job.description):
            faults.append(f"jobs/{job.name}.py: in the crontab, and no paragraph begins with Evening or Morning")
        elif job.name not in nightly and not WHEN_ASKED.search(job.description):
            faults.append(f"jobs/{job.name}.py: not in the crontab, and no paragraph begins with `By hand`")
    assert not faults, told(faults, "the crontab starts a job, or its docstring says who does, and when:")


def test_predecessors_are_earlier_in_the_same_night(entries: list[Entry], jobs: dict[str, JobFile]) -> None:
    minutes = {entry.job: entry.minute_of_night for entry in entries}
    faults = []
    for job in jobs.values():
        for name in job.after:
            if name not in jobs:
                faults.append(f"jobs/{job.name}.py: after {name}: no such job")
            elif job.name in minutes and not _earlier(minutes.get(name), minutes[job.name]):
                faults.append(f"jobs/{job.name}.py: after {name}: not earlier in the crontab, from noon to noon")
    assert not faults, told(faults, "a night goes from noon to noon; a predecessor starts earlier in it:")


def _earlier(first: int | None, second: int | None) -> bool:
    return first is not None and second is not None and first < second
