"""The clauses of CREATE MATERIALIZED VIEW between the name and the query.

Grammar: materializedViewDesc, refreshSchemeDesc in StarRocks.g4; defaults: sql/parser/AstBuilder.java.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from emulator.errors import analysis, unsupported
from emulator.sql.reader import Reader

UNIT_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400, "WEEK": 604800}


@dataclass
class Clauses:
    """What stands between the name and AS."""

    comment: str = ""
    columns: list[tuple[str, str]] = field(default_factory=list)
    partition_by: str = ""
    distribution: tuple[str, ...] | None = None
    buckets: int = 0
    order_by: tuple[str, ...] = ()
    refresh: str = ""
    every_seconds: int | None = None
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
    if not clauses.refresh:
        if clauses.distribution is None:
            raise unsupported("CREATE MATERIALIZED VIEW without REFRESH and DISTRIBUTED BY (a synchronous one)")
        clauses.refresh = "MANUAL"
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
        clauses.refresh, clauses.every_seconds = refresh_scheme(reader)
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


def refresh_scheme(reader: Reader) -> tuple[str, int | None]:
    """`[IMMEDIATE|DEFERRED] MANUAL | ASYNC [START(..)] [EVERY (INTERVAL n UNIT)]` as (normal text, seconds)."""
    moment = reader.accept_any("IMMEDIATE", "DEFERRED")
    head = f"{moment} " if moment == "DEFERRED" else ""
    if reader.accept("MANUAL"):
        return f"{head}MANUAL", None
    if reader.accept("INCREMENTAL"):
        raise analysis("Legacy incremental materialized view maintenance is no longer supported")
    if not reader.accept_any("ASYNC", "SCHEDULE"):
        reader.fail()
    start = f" START('{_start(reader)}')" if reader.accept("START") else ""
    if not reader.accept("EVERY"):
        return f"{head}ASYNC{start}", None
    found = re.fullmatch(r"\s*INTERVAL\s+['\"]?(\d+)['\"]?\s+(\w+)\s*", reader.bracketed(), re.IGNORECASE)
    if found is None or found.group(2).upper() not in UNIT_SECONDS:
        raise analysis("EVERY needs (INTERVAL n SECOND|MINUTE|HOUR|DAY|WEEK)")
    unit = found.group(2).upper()
    return f"{head}ASYNC{start} EVERY(INTERVAL {found.group(1)} {unit})", int(found.group(1)) * UNIT_SECONDS[unit]


def _start(reader: Reader) -> str:
    return reader.bracketed().strip().strip("'\"")
