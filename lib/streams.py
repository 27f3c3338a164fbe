"""Standard output and standard error that never end a job: a full disk, a closed pipe, no stream at all.

What a job has done to the warehouse matters more than the line that tells of it, so a line that cannot be written is
lost, and `lost_output` remembers it for the jobs that are nothing but their output.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

_lost = False


def out(text: str) -> None:
    """Prints a line of the result on standard output, at once; after the first that failed, none."""
    global _lost
    if _lost or sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "backslashreplace").decode(), flush=True)
    except (OSError, ValueError) as error:
        _lost = True
        _detach(sys.stdout)
        err(f"standard output is lost: {getattr(error, 'strerror', None) or error}")


def lost_output() -> bool:
    """Whether a line of the result could not be written."""
    return _lost


def err(text: str) -> None:
    """Writes a line on standard error; it is lost when nothing takes it."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        # ENOSPC, EPIPE, closed: there is nowhere left to tell it.
        _write(sys.stderr, text + "\n")


def _write(stream: TextIO, text: str) -> None:
    if stream.isatty() or not _is_file(stream):
        stream.write(text)
        stream.flush()
        return
    # Not through the stream: a line that a full disk refused would stay in its buffer, fail again at exit,
    # and turn the exit code into 120.
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(stream.fileno(), data) :]


def _detach(stream: TextIO) -> None:
    """Lets what is still in the stream's buffer go nowhere, for the same reason."""
    if _is_file(stream):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _is_file(stream: TextIO) -> bool:
    try:
        return stream.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False
