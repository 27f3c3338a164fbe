"""What a source hands over: parts, each loaded and published by itself, read in batches of rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

# Rows a batch: enough for vectors to pay, few enough for memory to stay flat.
BATCH_ROWS = 50_000
WHOLE = ""
# Ends the name under which a source's end, as it was seen, is kept beside the watermark of the part: lag is what lies
# between the two.
END = " end"
# What `Part.content` says of a part that has no content of its own and is not simply what comes next; `read_again`
# adds the range.
ACCEPTED_GAP, READ_AGAIN = "accepted gap", "read again"
# Where a row stands in its source; made by the readers, so they need no parsing.
LINEAGE = frozenset({"_source", "_file", "_line", "_topic", "_partition", "_offset", "_index", "_timestamp"})


@dataclass(frozen=True)
class Reject:
    """A source row that does not fit, with the reason and where it stands."""

    reason: str
    column: str
    value: str
    coordinates: str
    row_text: str


@dataclass
class Batch:
    """Some rows: every column text or an integer type, NULL as null; `_source` says where each stands in its source.

    `rejects` are rows that could not even be split into columns. `sendable`: the reader has seen to it that no text
    holds a separator of the load's CSV (\\x00, \\x01, \\x02) nor is a lone `\\N`. `fits`: columns whose texts the
    reader has made so that each fits a column of this kind (`date`, `datetime`).
    """

    frame: polars.DataFrame
    rejects: list[Reject] = field(default_factory=list)
    sendable: bool = False
    fits: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows read, good and bad."""
        return self.frame.height + len(self.rejects)


@dataclass(frozen=True)
class Part:
    """A piece of a source whose end is fixed before it is read: a file, a range of offsets or of timestamps.

    `batches()` reads it, and reads the same rows when called again. `positions` are the watermarks to write when it
    is published: part of the source -> JSON text.
    """

    name: str
    batches: Callable[[], Iterator[Batch]]
    content: str = ""
    from_position: str = ""
    to_position: str = ""
    positions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What the warehouse knows of a source: its watermarks by part, the parts that have been loaded, and the columns
    that wait for its rows (name -> kind), without those that the server fills in by itself."""

    positions: Mapping[str, str] = field(default_factory=dict)
    contents: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Window:
    """Which rows are asked for: by default those since the watermark; with bounds, those of a half-open range."""

    since: datetime | None = None
    until: datetime | None = None
    # Rows that are in the table already are written again, whatever the rules of order say.
    rewrite: bool = False
    history: bool = False
    allow_deletes: bool = False
    # Parts (`topic/partition`) whose lost messages somebody has accepted.
    accept_gaps: frozenset[str] = frozenset()

    @property
    def is_range(self) -> bool:
        """Whether a range is asked for, rather than what is new."""
        return self.since is not None or self.until is not None


def read_again(window: Window) -> str:
    """`Part.content` of a range: of two ranges with the same offsets each may have rows that the other has not."""
    since, until = (at.isoformat() if at else "" for at in (window.since, window.until))
    return f"{READ_AGAIN} {since}/{until}"


def text_of(value: Any) -> str | None:
    """A value of a typed source as the text that the strict parser takes; None for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def format_float(value: float) -> str:
    """The shortest text that gives the same float back, without an exponent where that is possible."""
    text = repr(value)
    if "e" not in text:
        return text
    from decimal import Decimal

    return format(Decimal(text), "f")


def row_text(row: Mapping[str, Any]) -> str:
    """A whole row as JSON, for the quarantine: columns as text, however they were handed over, lineage as it is."""
    texts = {name: value if name in LINEAGE or value is None else str(value) for name, value in row.items()}
    return json.dumps(texts, ensure_ascii=False, default=str)
