"""Load the fact tables of Kafka topics on and on, in rounds of some seconds, until told to stop.

By hand or as a service, beside the nights: their load_facts leaves the tables to it. SIGTERM ends it with exit code 0
at any instant; what had not been published by then is read again by the next.
"""

from __future__ import annotations

import argparse

from lib import catalog
from lib.errors import Stopped, Usage
from lib.job import job
from lib.loading import following, load
from lib.options import Option, only
from lib.run import Run


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.1 to 3600")
    return seconds


@job(
    options=[
        only("table"),
        Option(
            "--every",
            "seconds between two rounds (default 10); each round with rows makes a version of its tables",
            {"type": _seconds, "default": 10.0, "metavar": "SECONDS"},
        ),
    ],
)
def follow_facts(run: Run) -> None:
    """One step for all tables; to be told to stop is its usual end."""
    tables = [table for table in catalog.loaded("fact", only=run.args.only) if table.source]
    followed = [table for table in tables if table.source and table.source.kind == "kafka"]
    if not followed or (run.args.only and len(followed) < len(tables)):
        raise Usage("only fact tables with `-- source: kafka <topic>` can be followed", hint="./run load_facts")
    if run.dry_run:
        raise Usage("--dry-run of something that does not end", hint="./run load_facts --dry-run")
    load.begin(run)
    try:
        run.step("follow", lambda: following.follow(run, followed, run.args.every))
    except Stopped:
        run.steps[-1].state = "done"
