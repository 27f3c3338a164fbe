"""`no_overlap(key, ...)`: no two versions of a key are true at once. SCD 2 tables get it by themselves."""

from __future__ import annotations

from lib.catalog import Check
from lib.checks import Night, Question, _versions

USAGE = "no_overlap(<key column>, ...)"


def columns(check: Check) -> tuple[str, ...]:
    """The key and the interval of each version."""
    return _versions.columns(check, USAGE)


def question(check: Check, table: str, night: Night) -> Question:
    """How many versions end after the next one begins, or not after their own beginning."""
    return _versions.question(
        check,
        table,
        night,
        broken="next_from < valid_to OR valid_to <= valid_from",
        fault=f"a version of {', '.join(check.arguments)} reaches into the next one",
    )
