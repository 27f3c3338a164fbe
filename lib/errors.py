"""What can go wrong, and the exit code that says so.

Every error that a person is told about is a `Told`: one sentence of what and where with the value, and a hint with
the next command. Anything else that escapes a job is a bug (exit 70).
"""

from __future__ import annotations

import errno
import os
import re
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every job. README and runbook print this table from `MEANING`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    CRITICAL = 65
    UNAVAILABLE = 69
    BUG = 70
    NOT_NOW = 75
    CONFIGURATION = 78
    INTERRUPTED = 130
    TERMINATED = 143


MEANING: dict[Exit, str] = {
    Exit.DONE: "done, or nothing to do",
    Exit.FAILED: "failed, or the data of one of several items was refused; the message says why, a rerun is safe",
    Exit.USAGE: "the command line is wrong",
    Exit.PARTIAL: "done, but rows went to quarantine or one of several items failed",
    Exit.CRITICAL: "a CRITICAL check failed; what depends on this job does not run",
    Exit.UNAVAILABLE: "a service did not answer, retries used up; a rerun is safe",
    Exit.BUG: "a bug in Nightshift; the log has the traceback",
    Exit.NOT_NOW: "not now: the lock is held, or a predecessor of this night has not been done",
    Exit.CONFIGURATION: "a setting, a credential or a file of the warehouse is wrong; retrying does not help",
    Exit.INTERRUPTED: "interrupted from the keyboard; a rerun is safe",
    Exit.TERMINATED: "stopped by SIGTERM; a rerun is safe",
}


class Told(Exception):
    """An error that is told to a person in one line.

    `transient` says whether the same act may succeed in a moment: only such errors are retried.
    """

    exit_code: Exit = Exit.FAILED
    transient: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Usage(Told):
    """The command line names something that does not exist or does not go together."""

    exit_code = Exit.USAGE


class Misconfigured(Told):
    """A setting, a credential or a file of the warehouse is wrong."""

    exit_code = Exit.CONFIGURATION


class Unavailable(Told):
    """A service did not answer, or said that it cannot at the moment: nothing has happened."""

    exit_code = Exit.UNAVAILABLE
    transient = True

    def __init__(self, message: str, *, hint: str = "", service: str = "") -> None:
        super().__init__(message, hint=hint)
        self.service = service


class OutcomeUnknown(Unavailable):
    """The request was sent and the answer was lost: it may have happened or not.

    Transient, because every step of this suite can be done twice: whoever wrote looks before writing again.
    """


class Refused(Told):
    """The server understood the request and will not do it: doing it again changes nothing."""

    exit_code = Exit.FAILED


class NotNow(Told):
    """Another run has to end, or to be done, before this one.

    `known`: people have been told of the cause already.
    """

    exit_code = Exit.NOT_NOW

    def __init__(self, message: str, *, hint: str = "", known: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.known = known


class Held(NotNow):
    """The lock is held."""


class HostFault(Told):
    """This host would not write or read a file: a full disk, a missing right."""


class DataRefused(Told):
    """The data is wrong beyond what the table tolerates: nothing of the load is visible."""

    exit_code = Exit.FAILED


class CriticalFinding(Told):
    """A CRITICAL check failed."""

    exit_code = Exit.CRITICAL


class SourceLost(Told):
    """Rows that were promised are gone from the source (retention passed an offset, a topic was made anew)."""

    exit_code = Exit.CRITICAL


class Stopped(BaseException):
    """SIGTERM or SIGINT arrived. A BaseException, so that no step mistakes it for a failure of its own."""

    def __init__(self, exit_code: Exit) -> None:
        super().__init__(f"stopped by {'SIGTERM' if exit_code is Exit.TERMINATED else 'the keyboard'}")
        self.exit_code = exit_code


_OF_THE_HOST = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "see the limit of file sizes: ulimit -f",
    errno.EROFS: "is the file system mounted read-only?",
    errno.EACCES: "give the user of the jobs the right",
    errno.EPERM: "give the user of the jobs the right",
    errno.EMFILE: "see the limit of open files: ulimit -n",
    errno.EIO: "look at the disk: dmesg",
}


def as_told(error: Exception) -> Exception:
    """The error, or what it says of this host: a full disk is no bug, and the person who reads it can mend it."""
    if not isinstance(error, OSError):
        return error
    # polars leaves the number in the text alone.
    found = re.search(r"\(os error (\d+)\)", str(error))
    number = error.errno or (int(found[1]) if found else 0)
    if number not in _OF_THE_HOST:
        return error
    where = f"{error.filename}: " if error.filename else ""
    return HostFault(f"{where}{os.strerror(number)}", hint=f"{_OF_THE_HOST[number]}, then run the job again")
