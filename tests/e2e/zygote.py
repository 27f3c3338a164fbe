"""A process that has imported what jobs need and forks one for each command: a job starts in milliseconds.

`python -m tests.e2e.zygote` reads one JSON document a line, `{"argv": [...], "env": {...}, "out": path, "err": path}`,
and answers with two: `{"pid": n}` when the job runs, `{"status": n}` (as of os.waitpid) when it has ended, with
`peak_kib`, its largest resident memory. It has no threads of its own, so that a fork of it is sound.
"""

from __future__ import annotations

import json
import os
import sys
import threading

PRELOADED = (
    "pymysql", "requests", "polars", "msgspec", "sqlalchemy.dialects.sqlite", "confluent_kafka", "filelock",
    "structlog", "stamina", "jobs.__main__", "jobs.migrate", "jobs.load_facts", "jobs.load_dimensions",
    "jobs.load_reference", "lib.loading.scd2", "lib.loading.upsert", "lib.checks", "lib.sources.files",
    "lib.sources.sql", "lib.sources.kafka", "lib.sources.reference", "lib.sources.calendar", "lib.stream_load.http",
)  # fmt: skip


def main() -> None:
    """Serves until its standard input ends."""
    import importlib

    for name in PRELOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork of a process with threads may hang"
    _say({"ready": os.getpid()})
    for line in sys.stdin:
        _serve(json.loads(line))


def _serve(command: dict[str, object]) -> None:
    pid = os.fork()
    if pid == 0:
        _become(command)
    _say({"pid": pid})
    _, status, usage = os.wait4(pid, 0)
    _say({"status": status, "peak_kib": usage.ru_maxrss})


def _become(command: dict[str, object]) -> None:
    environment, arguments = command["env"], command["argv"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    for stream, key in ((0, None), (1, "out"), (2, "err")):
        path = os.devnull if key is None else str(command[key])
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, stream)
    os.environ.clear()
    os.environ.update(environment)
    from jobs.__main__ import main as job

    code = job(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say(document: dict[str, object]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    main()
