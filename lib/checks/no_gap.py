"""`no_gap(key, ...)`: the versions of a key leave no hole. SCD 2 tables get it by themselves."""

from __future__ import annotations

from lib.catalog import Check
from lib.checks import Night, Question, _versions

USAGE = "no_gap(<key column>, ...)"


def columns(check: Check) -> tuple[str, ...]:
    """The key and the interval of each version."""
    return _versions.columns(check, USAGE)


def question(check: Check, table: str, night: Night) -> Question:
    """How many versions end before the next one begins."""
    return _versions.question(
        check,
        table,
        night,
        broken="next_from > valid_to",
        fault=f"a version of {', '.join(check.arguments)} ends before the next one begins",
    )
