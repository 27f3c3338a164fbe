"""docs/performance.md, written from one run of the benchmark."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_BUSY = "The machine was busy with other work during this run: the ratios are a first impression and no verdict."
TARGETS = {"csv": 10, "ndjson": 7, "parquet": 9}


@dataclass
class Found:
    """What a run measured: seconds by variant, peak memory in MB, bytes of the files, columns that came wrong.

    `messages` and `trades` are what the Kafka variants read in a pass.
    """

    rows: int
    runs: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    load: list[float] = field(default_factory=list)
    messages: int = 0
    trades: int = 0

    def add(self, variant: str, seconds: float) -> None:
        """One run of a variant, and how busy the machine was."""
        self.seconds.setdefault(variant, []).append(seconds)
        self.load.append(os.getloadavg()[0])

    def median(self, variant: str) -> float:
        """Seconds of a variant."""
        return statistics.median(self.seconds[variant])


def page(found: Found) -> str:
    """The page as Markdown."""
    lines = [
        "# What loading costs on the client's side",
        "",
        "Written by `make bench` (`bench/`), not by hand. Medians of"
        f" {found.runs} runs, variants in turn, in one run of the benchmark; ratios count, seconds are this machine's.",
        "",
        f"{_machine()}; load average during the run {min(found.load):.1f} to {max(found.load):.1f}"
        f"; {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}.",
        *([] if max(found.load) < 2 * (os.cpu_count() or 1) else ["", _BUSY]),
        "",
        f"## Files into a null sink, {found.rows:,} rows of 11 columns",
        "",
        "The limit is `curl -T` of the same bytes (for Parquet: of the same rows as CSV) into the same sink. Ours is a"
        " whole process, with strict parsing and quarantine on: start, read, check every value, encode, spool, Stream"
        " Load. The sink is no StarRocks: its ingest is not measured. Statements go to the embedded server; counting"
        " the stage, the audit and the publication are not part of it.",
        "",
        "| source | MB | curl s | ours s | x curl | target | rows/s | peak MB | column sums at the sink |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, target in TARGETS.items():
        limit, ours = found.median(f"curl {name}"), found.median(name)
        lines.append(
            f"| {name} | {found.bytes[name] / 1e6:.0f} | {limit:.2f} | {ours:.2f} | {ours / limit:.1f} | {target}"
            f" | {found.rows / ours:,.0f} | {found.peak[name]} | {_told(found, name)} |"
        )
    return "\n".join([*lines, *_sling(found), *_kafka(found), *_jobs(found)]) + "\n"


def _told(found: Found, name: str) -> str:
    return "equal" if not found.wrong[name] else "WRONG: " + ", ".join(found.wrong[name])


def _sling(found: Found) -> list[str]:
    if "sling" not in found.seconds:
        return ["", "sling was not at hand: `tests/clients/run sling` installs it."]
    times = found.median("sling") / found.median("csv")
    return [
        "",
        f"sling loads the same CSV into the same sink in {found.median('sling'):.1f} s: {times:.0f} times ours.",
    ]


def _kafka(found: Found) -> list[str]:
    ours, limit = found.median("kafka"), found.median("librdkafka")
    return [
        "",
        f"## Kafka into the same sink, {found.messages:,} messages with {found.trades:,} trades",
        "",
        "The limit is librdkafka's own consumer with our settings, from Python, doing nothing with what it takes. Both"
        " are the last of several passes of a process. The broker is librdkafka's mock, on the same cores.",
        "",
        "| librdkafka s | ours s | x librdkafka | target | trades/s | target | 37 M messages, s | peak MB | sums |",
        "|---|---|---|---|---|---|---|---|---|",
        f"| {limit:.2f} | {ours:.2f} | {ours / limit:.1f} | 3.7 | {found.trades / ours:,.0f} | 400,000"
        f" | {37e6 * ours / found.messages:.0f} | {found.peak['kafka']} | {_told(found, 'kafka')} |",
    ]


def _jobs(found: Found) -> list[str]:
    python = found.median("python")
    lines = [
        "",
        "## Jobs to their end, through the embedded server",
        "",
        "| job | seconds | x bare Python |",
        "|---|---|---|",
        f"| `python -c pass` | {python:.3f} | 1 |",
    ]
    for variant, what in (
        ("one row", "`load_facts` of one row"),
        ("nothing new", "`load_facts` that finds nothing new"),
    ):
        seconds = found.median(variant)
        lines.append(f"| {what} | {seconds:.2f} | {seconds / python:.0f} |")
    seconds = found.median("all rows")
    return [
        *lines,
        "",
        f"`load_facts` of the CSV's {found.rows:,} rows, with stage, audit and publication: {seconds:.1f} s,"
        f" {found.rows / seconds:,.0f} rows/s; once, not a median.",
    ]


def _machine() -> str:
    cpu = ""
    if Path("/proc/cpuinfo").is_file():
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        cpu = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    return f"Machine: {cpu or platform.machine()}, {os.cpu_count()} cores"
