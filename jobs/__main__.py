"""`./run JOB [options]`: finds the job by its file name and runs it; without a job, lists them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lib.errors import Told


def names() -> list[str]:
    """Every job: the files of this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def _overview() -> str:
    lines = ["usage: ./run JOB [options]      ./run JOB --help says more", ""]
    for name in names():
        source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        lines.append(f"  {name:<18} {source.partition(chr(34) * 3)[2].partition(chr(10))[0].rstrip(chr(34))}")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Runs the job that the first word names and returns its exit code; 2 for a word that is no job."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if argv else 2
    name = argv[0]
    if name not in names():
        return _refused(argv, _unknown(name))
    try:
        module = importlib.import_module(f"jobs.{name}")
    except ImportError as error:
        from lib.errors import Misconfigured

        return _refused(argv, Misconfigured(f"./run {name}: cannot be loaded: {error}", hint="make install"))
    return int(getattr(module, name).main(argv[1:]))


def _unknown(name: str) -> Told:
    import difflib

    from lib.errors import Usage

    near = difflib.get_close_matches(name, names(), n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return Usage(f"./run {name}: no such job; {meant}allowed: {', '.join(names())}")


def _refused(argv: list[str], error: Told) -> int:
    from lib import outcome

    return int(outcome.refused(argv[0], error, json_wanted="--json" in argv, notify_wanted="--no-notify" not in argv))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
