"""Runs every variant several times, one after the other in turn, and writes docs/performance.md from what came out."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from bench import data, kafka, processes, report
from emulator.server import Server


def main() -> None:
    """Measures, prints, and writes the page unless `--no-write` is given."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--rows", type=int, default=3_000_000, help="rows of the measured files (default 3,000,000)")
    options.add_argument("--runs", type=int, default=5, help="runs of each variant, whose median counts (default 5)")
    options.add_argument("--no-write", action="store_true", help="print only, leave docs/performance.md as it is")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        found = measure(Path(folder), asked.rows, asked.runs)
    page = report.page(found)
    print(page)
    if not asked.no_write:
        (processes.REPOSITORY / "docs" / "performance.md").write_text(page, encoding="utf-8")


def _fast_folder() -> str | None:
    """Memory where there is some: no disk is to be measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def measure(folder: Path, rows: int, runs: int) -> report.Found:
    """All variants, each a process of its own."""
    made = data.write(folder, rows)
    expected = data.sums(made)
    del made
    found = report.Found(rows=rows, runs=runs)
    with Server(data=folder / "server") as server:
        loaders = {
            name: processes.environment(folder, server, name, {"fact_sale": data.TABLE.format(glob="sale.*")})
            for name in data.FORMATS
        }
        processes.job(loaders["csv"], "migrate")
        for name, environment in loaders.items():
            found.wrong[name] = _contents(folder, environment, expected)
        with processes.sink() as port:
            for _ in range(runs):
                for name, environment in loaders.items():
                    _one(folder, name, environment, port, found)
            if program := processes.sling():
                path = folder / "csv" / "sale.csv"
                found.add("sling", processes.sling_load(program, path, server, port, folder))
        _whole_jobs(folder, server, found, runs)
        kafka.measure(folder, server, found, runs)
    return found


def _one(folder: Path, name: str, environment: dict[str, str], port: int, found: report.Found) -> None:
    """One turn of a format: curl, then ours."""
    path = folder / name / f"sale.{name}"
    found.bytes[name] = path.stat().st_size
    found.add(f"curl {name}", processes.curl(path if name != "parquet" else folder / "csv" / "sale.csv", port))
    seconds, told = processes.client(environment, port, "fact_sale")
    assert (told["rows"], told["rejects"]) == (found.rows, 0), told
    found.add(name, seconds)
    found.peak[name] = max(found.peak.get(name, 0), told["peak_mb"])


def _whole_jobs(folder: Path, server: Server, found: report.Found, runs: int) -> None:
    """Jobs to their end through the embedded server: one row, a night on which nothing is new, and all the rows."""
    (folder / "one").mkdir()
    environment = processes.environment(folder, server, "one", {"fact_sale": data.TABLE.format(glob="*.csv")})
    with (folder / "csv" / "sale.csv").open(encoding="utf-8") as sales:
        header = sales.readline()
    for number in range(runs):
        text = f"{header}{number},2026-11-01,2026-11-01 00:00:00.000,1,P-1,1,0.50,,north,,1\n"
        (folder / "one" / f"{number}.csv").write_text(text, encoding="utf-8")
        found.add("one row", processes.job(environment, "load_facts", "--force", "--no-notify"))
        found.add("nothing new", processes.job(environment, "load_facts", "--force", "--no-notify"))
        found.add("python", processes.python(environment))
    (folder / "csv" / "sale.csv").rename(folder / "one" / "all.csv")
    found.add("all rows", processes.job(environment, "load_facts", "--force", "--no-notify"))
    shutil.rmtree(folder / "one")


def _contents(folder: Path, environment: dict[str, str], expected: dict[str, str]) -> list[str]:
    """The columns whose sums are not those of the source, after a load into a sink that keeps the bodies."""
    kept = folder / "kept"
    with processes.sink(kept) as port:
        processes.client(environment, port, "fact_sale")
    came = data.sums(data.of_body(kept))
    kept.unlink()
    return [name for name, value in expected.items() if came.get(name) != value]


if __name__ == "__main__":
    main()
