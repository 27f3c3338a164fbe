"""One message for one cause: jobs that fail one after the other for the same reason ring once, then every four hours.

It is kept as one empty file a cause in STATE_DIR, because the ledger may be just what cannot be reached.
Ages are by the host's clock, like the lines of the log.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from lib.errors import Misconfigured
from lib.settings import REPOSITORY, settings

REPEAT_HOURS = 4


def is_news(cause: str) -> bool:
    """Whether nobody has been told of this cause in the last four hours."""
    try:
        age = time.time() - _mark(cause).stat().st_mtime
    except OSError:
        return True
    return not 0 <= age < REPEAT_HOURS * 3600


def remember(cause: str) -> None:
    """Somebody has been told. Where nothing can be written, the next job tells again: better twice than never."""
    mark = _mark(cause)
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def forget() -> None:
    """A job has done its work, so what was told is over: when it comes again, it is news."""
    with suppress(OSError):
        for mark in _folder().glob("*"):
            mark.unlink(missing_ok=True)


def _mark(cause: str) -> Path:
    return _folder() / hashlib.sha256(cause.encode("utf-8", "replace")).hexdigest()[:32]


def _folder() -> Path:
    try:
        return settings().state_dir / "told"
    except Misconfigured:
        # The cause may be just that: wrong settings, of which STATE_DIR can be the only right one.
        return Path(os.environ.get("STATE_DIR") or REPOSITORY / ".state") / "told"
