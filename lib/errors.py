"""What can go wrong, and the exit code that says so.

Every error that a person is told about is a `Told`: one sentence of what and where with the value, and a hint with
the next command. Anything else that escapes a job is a bug (exit 70).
"""

from __future__ import annotations

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
    Exit.FAILED: "failed; the message says why, a rerun is safe",
    Exit.USAGE: "the command line is wrong",
    Exit.PARTIAL: "done, but rows are in quarantine or one of several items failed",
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
    """The lock is held, or a predecessor of this night has not been done."""

    exit_code = Exit.NOT_NOW


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
