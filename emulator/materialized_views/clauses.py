"""The clauses of CREATE MATERIALIZED VIEW between the name and the query.

Grammar: materializedViewDesc, refreshSchemeDesc in StarRocks.g4; defaults: sql/parser/AstBuilder.java.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from emulator.errors import analysis, unsupported
from emulator.sql.reader import Reader

UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}


@dataclass(frozen=True)
class Scheme:
    """How a view is refreshed: as SHOW CREATE prints it, and its schedule (seconds; 0 = none) from `start` (epoch)."""

    text: str = ""
    every_seconds: int = 0
    every_text: str = ""
    start: float = 0.0


@dataclass
class Clauses:
    """What stands between the name and AS."""

    comment: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    partition_by: str = ""
    distribution: tuple[str, ...] | None = None
    buckets: int = 0
    order_by: tuple[str, ...] = ()
    refresh: Scheme = Scheme()
    properties: dict[str, str] = field(default_factory=dict)


def read_clauses(reader: Reader) -> Clauses:
    """Read up to and with AS. Raises 1064, and 1235 for a synchronous view."""
    clauses = Clauses()
    if reader.accept("("):
        while not clauses.columns or reader.accept(","):
            if reader.next_is("INDEX"):
                raise unsupported("INDEX of a materialized view")
            clauses.columns.append((reader.identifier(), reader.comment()))
        reader.expect(")")
    clauses.comment = reader.comment()
    while not reader.accept("AS"):
        _clause(reader, clauses)
    if not clauses.refresh.text:
        if clauses.distribution is None:
            raise unsupported("CREATE MATERIALIZED VIEW without REFRESH and DISTRIBUTED BY (a synchronous one)")
        clauses.refresh = Scheme("MANUAL")
    return clauses


def _clause(reader: Reader, clauses: Clauses) -> None:
    if _by(reader, "PARTITION"):
        clauses.partition_by = _expression(reader)
    elif _by(reader, "DISTRIBUTED"):
        clauses.distribution = () if reader.accept("RANDOM") else _hash(reader)
        clauses.buckets = reader.number() if reader.accept("BUCKETS") else 0
    elif _by(reader, "ORDER"):
        clauses.order_by = reader.identifiers()
    elif reader.accept("REFRESH"):
        clauses.refresh = refresh_scheme(reader)
    elif reader.accept("PROPERTIES"):
        clauses.properties = reader.properties()
    else:
        reader.fail()


def _by(reader: Reader, word: str) -> bool:
    """`word BY`, which the tokenizer may give as one token."""
    return reader.accept(f"{word} BY") or reader.accept(word, "BY")


def _hash(reader: Reader) -> tuple[str, ...]:
    reader.expect("HASH")
    return reader.identifiers()


def _expression(reader: Reader) -> str:
    """A column, `date_trunc('day', d)`, or one of these in brackets."""
    if reader.next_is("("):
        return reader.bracketed().strip()
    name = reader.identifier()
    return f"{name}({reader.bracketed()})" if reader.next_is("(") else name


def refresh_scheme(reader: Reader) -> Scheme:
    """`[IMMEDIATE|DEFERRED] MANUAL | ASYNC [START(..)] [EVERY (INTERVAL n UNIT)]`."""
    moment = reader.accept_any("IMMEDIATE", "DEFERRED")
    head = f"{moment} " if moment == "DEFERRED" else ""
    if reader.accept("MANUAL"):
        return Scheme(f"{head}MANUAL")
    if reader.accept("INCREMENTAL"):
        raise analysis("Legacy incremental materialized view maintenance is no longer supported")
    if not reader.accept_any("ASYNC", "SCHEDULE"):
        reader.fail()
    shown, start = "", time.time()
    if reader.accept("START"):
        text = reader.bracketed().strip().strip("'\"")
        shown, start = f" START('{text}')", start_of(text)
    if not reader.accept("EVERY"):
        return Scheme(f"{head}ASYNC{shown}")
    number, unit = interval(reader)
    text = f"{head}ASYNC{shown} EVERY(INTERVAL {number} {unit})"
    return Scheme(text, number * UNIT_SECONDS[unit], f"{number} {unit}S", start)


def interval(reader: Reader) -> tuple[int, str]:
    """`(INTERVAL n UNIT)` as number and unit. Raises 1064 for another unit."""
    found = re.fullmatch(r"\s*INTERVAL\s+['\"]?(\d+)['\"]?\s+(\w+)\s*", reader.bracketed(), re.IGNORECASE)
    if found is None or found.group(2).upper() not in UNIT_SECONDS:
        raise analysis("EVERY needs (INTERVAL n SECOND|MINUTE|HOUR|DAY|WEEK)")
    return int(found.group(1)), found.group(2).upper()


def start_of(text: str) -> float:
    """START('2024-01-01 00:00:00') in epoch seconds, read as UTC. Raises 1064 for what is no time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise analysis(f"Invalid date literal {text}") from error
