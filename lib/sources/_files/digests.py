"""Contents of files by their SHA-256, remembered: a file that nobody has touched is not read again every night."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from functools import cache
from pathlib import Path

from lib import log
from lib.settings import settings

_BLOCK = 1024 * 1024
# Younger than this, a file may be written to once more within the same tick of the file system's clock.
_SETTLED_NS = 2_000_000_000


def digest(path: Path, state: tuple[int, ...]) -> str:
    """The SHA-256 of a file, in hexadecimal; of a file whose `state` is the one it was remembered with, from memory.

    `state` is size, inode, and times of change in nanoseconds. What is remembered lies in STATE_DIR/files.sqlite; when
    that cannot be used, files are read. Raises `OSError` when the file cannot be.
    """
    key, seen = str(path.absolute()).encode("utf-8", "surrogateescape"), repr(state)
    try:
        memory = _memory(settings().state_dir)
        found = memory.execute("SELECT digest FROM file WHERE path = ? AND state = ?", (key, seen)).fetchone()
        if found:
            return str(found[0])
        made = _read(path)
        if max(state[2:]) < time.time_ns() - _SETTLED_NS:
            memory.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", (key, seen, made))
        return made
    except sqlite3.Error as error:
        log.info("files_not_remembered", why=str(error), folder=settings().state_dir)
        return _read(path)


@cache
def _memory(folder: Path) -> sqlite3.Connection:
    """One connection a process. A file that is no database is made anew; one that cannot be made is held in memory."""
    path = folder / "files.sqlite"
    for place in (path, path, ":memory:"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            made = sqlite3.connect(place, timeout=1.0, isolation_level=None)
            made.execute("CREATE TABLE IF NOT EXISTS file (path BLOB PRIMARY KEY, state TEXT, digest TEXT)")
            return made
        except (sqlite3.Error, OSError) as error:
            log.info("files_not_remembered", why=str(error), file=path)
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_NOTADB:
                path.unlink(missing_ok=True)
    return sqlite3.connect(":memory:")


def _read(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            made.update(block)
    return made.hexdigest()
