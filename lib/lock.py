"""One run of a job at a time on this host: a file lock that the kernel frees when the process dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.errors import Misconfigured, NotNow
from lib.settings import settings


def path(name: str) -> Path:
    """The file of the lock `name`."""
    return settings().state_dir / "locks" / f"{name}.lock"


def holder(name: str) -> str:
    """Who wrote into the lock file last, as text; that process may have ended since."""
    try:
        note = json.loads(path(name).read_text(encoding="utf-8"))
        return f"{note['job']} (run {note['run_id']}, pid {note['pid']} on {note['host']}, since {note['since']})"
    except (OSError, ValueError, KeyError):
        return "somebody who left no name"


@contextmanager
def held(name: str, *, job: str, run_id: str, since: str) -> Iterator[None]:
    """Holds the lock `name` for the block, with the holder's name inside the file.

    Raises `NotNow` when another process holds it, `Misconfigured` when its directory cannot be used.
    """
    from filelock import FileLock, Timeout

    file = path(name)
    note = json.dumps({"job": job, "run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": since})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # No silent change to a lock by mere existence of the file: that one outlives a crash.
        lock = FileLock(file, timeout=0, fallback_to_soft=False)
        lock.acquire()
    except Timeout:
        raise NotNow(
            f"lock {name}: held by {holder(name)}",
            hint=f"wait, or look at it: ./run status; the lock is {file}",
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"lock {name}: {file}: {error.strerror}", hint="set STATE_DIR to a local directory"
        ) from None
    try:
        file.write_text(note, encoding="utf-8")
        yield
    finally:
        lock.release()


def is_free(name: str) -> bool:
    """Whether nobody on this host holds the lock at this moment."""
    from filelock import FileLock, Timeout

    if not path(name).exists():
        return True
    lock = FileLock(path(name), timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        return False
    lock.release()
    return True
