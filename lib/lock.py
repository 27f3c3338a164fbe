"""One run of a job at a time on this host: a file lock that the kernel frees when the process dies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lib.errors import Held, Misconfigured
from lib.settings import settings

# Seconds in which a start tries again: `is_free` holds the lock for an instant, and a look must not end a job.
GRACE = 0.5


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
def held(name: str, *, job: str, run_id: str, since: str, patience: float = GRACE) -> Iterator[None]:
    """Holds the lock `name` for the block, with the holder's name inside the file; waits `patience` seconds for it.

    Raises `Held` when another process holds it, `Misconfigured` when its directory cannot be used.
    """
    from filelock import FileLock, Timeout

    file = path(name)
    note = json.dumps({"job": job, "run_id": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": since})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # No silent change to a lock by mere existence of the file: that one outlives a crash.
        lock = FileLock(file, timeout=patience, fallback_to_soft=False)
        lock.acquire(poll_interval=0.02)
    except Timeout:
        raise Held(
            f"lock {name}: held by {holder(name)}",
            hint=f"wait, or look at it: ./run status; the lock is {file}",
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"lock {name}: {file}: {error.strerror}", hint="set STATE_DIR to a local directory"
        ) from None
    try:
        # On a full disk the lock holds all the same, without a name.
        with suppress(OSError):
            file.write_text(note, encoding="utf-8")
        yield
    finally:
        lock.release()


def is_free(name: str) -> bool:
    """Whether nobody on this host holds the lock at this moment; asked by a shared lock that is given back at once.

    /proc/locks would not do: it hides what other containers hold, and its device numbers are not those of stat() on
    overlayfs and btrfs. A file that may not be read counts as held: it is another user's.
    """
    import fcntl

    try:
        descriptor = os.open(path(name), os.O_RDONLY)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def is_alive(pid: int) -> bool:
    """Whether this host has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
