"""NDJSON as vectors: lines that name the same fields in the same order, with the same blanks, are read together.

One expression has the texts around the values as they are and says what a value is, so every byte of a line that fits
is accounted for, and there is one way to read it.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

_THREADS = 2
_NAME = r'"([^"\\\x00-\x1f]+)"'
_STRING = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_VALUE = rf"({_STRING}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)"
_BLANK = r"[ \t]*"
_FIELD = re.compile(rf"({_BLANK}[{{,]{_BLANK}{_NAME}{_BLANK}:{_BLANK}){_VALUE}")
_END = re.compile(rf"{_BLANK}\}}[ \t\r]*")
# With more fields an expression is slower than a reader of one line after the other, and at last too large to be made.
_MOST_FIELDS, _LONGEST = 32, 4096


@dataclass(frozen=True)
class Shape:
    """The fields of a line, the texts before their values, and the text behind the last."""

    names: tuple[str, ...]
    before: tuple[str, ...]
    end: str

    @cached_property
    def pattern(self) -> str:
        """What a line of this shape looks like, with a group a value."""
        return f"^{''.join(re.escape(text) + _VALUE for text in self.before)}{re.escape(self.end)}$"


def shape(line: str) -> Shape | None:
    """The shape of a line; None for what is no object, has a nested value, a field twice, or too many of them."""
    names: list[str] = []
    before: list[str] = []
    at = 0
    while found := _FIELD.match(line, at):
        before.append(found[1])
        names.append(found[2])
        at = found.end()
    opened = [text.strip(" \t")[0] for text in before]
    if not names or opened != ["{", *"," * (len(names) - 1)]:
        return None
    if len(names) > _MOST_FIELDS or sum(map(len, before)) > _LONGEST:
        return None
    # The number of a line travels beside its fields, under this name.
    if len({*names, "_line"}) <= len(names) or not _END.fullmatch(line, at):
        return None
    return Shape(tuple(names), tuple(before), line[at:])


def fitting(lines: polars.DataFrame, shape: Shape) -> tuple[polars.DataFrame, bool]:
    """Those of some lines (`_line`, `text`) that have the shape: `_line`, and the fields as text; null is NULL.

    With it, whether no text holds what only an escape can give: a control character, or a backslash.
    """
    import polars as pl

    groups = pl.col("text").str.extract_groups(shape.pattern).struct.rename_fields(list(shape.names))
    pieces = list(lines.iter_slices(max(1, -(-lines.height // _THREADS))))
    # One expression runs on one core: half of the lines each.
    with ThreadPoolExecutor(_THREADS) as pool:
        made = list(pool.map(lambda piece: piece.select("_line", groups).unnest("text"), pieces))
    found = pl.concat(made).filter(pl.col(shape.names[0]).is_not_null())
    return _decoded(found, shape.names)


def _decoded(found: polars.DataFrame, names: tuple[str, ...]) -> tuple[polars.DataFrame, bool]:
    """Values without their quotes and escapes. A line with an escape that means no character is left out."""
    import polars as pl

    fields = pl.col(*names)
    quoted, absent, escaped = (
        [name for name, any_is in found.select(marked.any()).row(0, named=True).items() if any_is]
        for marked in (fields.str.starts_with('"'), fields == "null", fields.str.contains("\\", literal=True))
    )
    made = found.with_columns(pl.when(pl.col(name) != "null").then(pl.col(name)) for name in absent)
    # A quote within a text has a backslash before it, and such texts come next.
    made = made.with_columns(pl.col(name).str.strip_chars('"') for name in quoted)
    if not escaped:
        return made, True
    meaningless: set[int] = set()
    for name in escaped:
        at = found[name].str.contains("\\", literal=True).arg_true()
        meant = [_meant(cell) for cell in found[name].gather(at)]
        meaningless |= {index for index, text in zip(at, meant, strict=True) if text is None}
        made = made.with_columns(made[name].scatter(at, meant))
    odd = made.select(pl.any_horizontal(pl.col(*escaped).str.contains(r"[\x00-\x08\\]")).any()).item()
    if meaningless:
        made = made.filter(~pl.int_range(pl.len()).is_in(sorted(meaningless)))
    return made, not odd


def _meant(cell: str) -> str | None:
    """What a text with escapes stands for; None when one of them stands for nothing."""
    import msgspec

    try:
        return msgspec.json.decode(cell, type=str)
    except ValueError:
        return None
