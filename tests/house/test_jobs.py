"""What holds for every file of jobs/."""

from __future__ import annotations

import subprocess
import sys

from lib import job_files
from tests.house.tree import ROOT, told

# Each of these costs a tenth of a second or more at the start of every job that does not need it.
HEAVY = ["polars", "duckdb", "sqlglot", "confluent_kafka", "apprise", "requests", "structlog"]
HEAVY += ["numpy", "opentelemetry.sdk", "rich", "jinja2", "sqlalchemy"]
# What single jobs can do without, though others need it.
SPARED = {"status": ["lib.verification", "lib.checks", "csv"]}
LIST_HEAVY = """
import importlib, sys
importlib.import_module("jobs." + sys.argv[1])
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


def test_heavy_packages_wait_until_they_are_needed() -> None:
    faults = []
    for job in job_files.read_all():
        result = subprocess.run(
            [sys.executable, "-c", LIST_HEAVY, job.name, *HEAVY, *SPARED.get(job.name, [])],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, f"jobs/{job.name}.py cannot be imported:\n{result.stderr}"
        faults += [f"jobs/{job.name}.py: {name}" for name in result.stdout.split()]
    assert not faults, told(faults, "import it in the function that needs it; `python -X importtime` says who did:")


def test_every_job_says_what_it_does() -> None:
    faults = [f"jobs/{job.name}.py" for job in job_files.read_all() if not job.purpose.endswith(".")]
    assert not faults, told(faults, "the first line of a job's docstring is one sentence: README and ./run print it")
