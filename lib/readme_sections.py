"""The generated sections of README and runbook that are tables of what the repository holds."""

from __future__ import annotations

from collections.abc import Iterable

from lib import catalog, crontab, job_files
from lib.catalog import TableFile
from lib.errors import MEANING
from lib.settings import settings

# What each folder is for. A house test compares it with the folders that git knows.
FOLDERS = {
    "jobs": "one file = one program",
    "lib": "what the jobs share, in floors: a module imports only from floors below its own",
    "schema": "one table = one file, `dim_` `fact_` `ops_`; migrations/: one step = one file",
    "reference-data": "lists kept by hand, each a CSV of its table's name",
    "views": "`v_*.sql`; materialized/: `mv_*.sql`",
    "aggregates": "business figures, rebuilt by partition",
    "rls-policies": "who may read which rows: one policy = one file",
    "checks": "a SELECT of the wrong rows each",
    "deploy": "what puts the suite on a host",
    "emulator": "the embedded server: `python -m emulator`",
    "bench": "speeds as ratios against a baseline of the same run: `make bench`",
    "examples": "the demo and its sources: a matching engine, a shop",
    "tests": "mirrors of lib, jobs, emulator; spec/: for both servers; clients/: strangers; house/: its rules",
    "docs": "map of the source, runbook, glossary, decisions",
}
FILES = {
    "run": "`./run JOB [options]`: the one way in, for cron, hands and containers",
    "crontab": "the order of the night",
    "Makefile": "demo, test, check, emulator; `make` alone says what there is",
    "requirements.lock": "every package with its hashes",
    ".env.example": "every setting with its meaning",
}


def exit_codes() -> str:
    """The exit codes and what they mean."""
    return _table(("Exit", "Meaning"), ((str(int(code)), text) for code, text in MEANING.items()))


def jobs() -> str:
    """The jobs: those of the night in its order, then those by hand."""
    found = {job.name: job for job in job_files.read_all()}
    lines = crontab.entries(settings().warehouse_dir / "crontab")
    when = {entry.job: entry.when for entry in lines}
    nightly = [entry.job for entry in crontab.night(lines) if entry.job in found]
    order = list(dict.fromkeys([*nightly, *(name for name in found if name in when), *found]))
    rows = ((f"`{name}`", when.get(name, "by hand"), _code(found[name].after), found[name].purpose) for name in order)
    return _table(("Job", "UTC", "After", "What it does"), rows)


def tables() -> str:
    """The tables of schema/: purpose, source, refresh."""
    rows = ((f"`{table.name}`", _header(table, "purpose"), _source(table), _refresh(table)) for table in _ordered())
    return _table(("Table", "Purpose", "Source", "Refresh"), rows)


def layout() -> str:
    """The folders and files at the top of the repository."""
    rows = [*FILES.items(), *((f"{name}/", text) for name, text in FOLDERS.items())]
    width = max(len(name) for name, _ in rows)
    return "\n".join(["```", *(f"{name:<{width}}  {text.replace('`', '')}" for name, text in rows), "```"])


def _ordered() -> list[TableFile]:
    kinds = ("fact", "dim", "ops")
    return sorted(catalog.tables().values(), key=lambda table: (kinds.index(table.kind), table.name))


def _header(table: TableFile, key: str) -> str:
    line = table.header.get(key)
    return line.value if line else ""


def _source(table: TableFile) -> str:
    return _code([_header(table, "source")]) if table.source else "the jobs"


def _refresh(table: TableFile) -> str:
    return _header(table, "refresh") or "each run"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
