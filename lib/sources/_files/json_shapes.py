"""NDJSON as vectors: lines that name the same fields in the same order, with the same blanks, are read together.

An expression has the texts around the values as they are and says what a value is, so every byte of a line that fits
is accounted for, and there is one way to read it. Its groups hold a text without its quotes, and nothing for null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

_THREADS = 2
_NAME = r'"([^"\\\x00-\x1f]+)"'
_PLAIN = r'[^"\\\x00-\x1f]*'
_TEXT = rf'"({_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*)"'
_BARE = r"(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false)"
_BLANK = r"[ \t]*"
_FIELD = re.compile(rf"({_BLANK}[{{,]{_BLANK}{_NAME}{_BLANK}:{_BLANK})(?:{_TEXT}|{_BARE}|null)")
_END = re.compile(rf"{_BLANK}\}}[ \t\r]*")
# Lines with more fields, or longer names, are read one by one.
_MOST_FIELDS, _LONGEST = 100, 4096
# With more groups an expression is five times as slow: it is no one-pass automaton any more.
_MOST_GROUPS = 16


@dataclass(frozen=True)
class Shape:
    """The fields of a line, the texts before their values, and the text behind the last.

    `texts` and `bare` are the fields that have been seen with a text, and with a number, true or false.
    """

    names: tuple[str, ...]
    before: tuple[str, ...]
    end: str
    texts: frozenset[str]
    bare: frozenset[str]

    def with_values_of(self, other: Shape | None) -> Shape:
        """The shape whose fields may also be what they are in another one; only for one of the same frame."""
        return replace(self, texts=self.texts | other.texts, bare=self.bare | other.bare) if other else self

    @property
    def frame(self) -> tuple[tuple[str, ...], str]:
        """What stands around the values."""
        return self.before, self.end

    @cached_property
    def groups(self) -> list[dict[str, str]]:
        """What each value can be besides null, by the name of the group that holds it then."""
        return [
            ({f"text{number}": _TEXT} if name in self.texts or name not in self.bare else {})
            | ({f"bare{number}": _BARE} if name in self.bare or name not in self.texts else {})
            for number, name in enumerate(self.names)
        ]

    @cached_property
    def steps(self) -> list[tuple[str, list[str]]]:
        """Expressions that take a line apart one after the other, with the names of their groups.

        The last group is `rest`: what is left for the next one, and at last the end of the line.
        """
        made: list[tuple[str, list[str]]] = []
        pattern, names = "^", list[str]()
        for before, groups in zip(map(re.escape, self.before), self.groups, strict=True):
            if len(names) + len(groups) >= _MOST_GROUPS:
                made.append((f"{pattern}({before}.*)$", [*names, "rest"]))
                pattern, names = "^", []
            pattern += f"{before}(?:{'|'.join(groups.values())}|null)"
            names += groups
        return [*made, (f"{pattern}({re.escape(self.end)})$", [*names, "rest"])]


def shapes(lines: Iterable[str]) -> dict[tuple[tuple[str, ...], str], Shape]:
    """The shapes of some lines by their frames. What is no object, or has a nested value, has none."""
    found: dict[tuple[tuple[str, ...], str], Shape] = {}
    for made in filter(None, map(_shape, lines)):
        found[made.frame] = made.with_values_of(found.get(made.frame))
    return found


def _shape(line: str) -> Shape | None:
    """The shape of a line; None for what is no object, has a nested value, a field twice, or too many of them."""
    fields: list[re.Match[str]] = []
    at = 0
    while found := _FIELD.match(line, at):
        fields.append(found)
        at = found.end()
    names, before = [found[2] for found in fields], [found[1] for found in fields]
    opened = [text.strip(" \t")[0] for text in before]
    if not names or opened != ["{", *"," * (len(names) - 1)]:
        return None
    if len(names) > _MOST_FIELDS or sum(map(len, before)) > _LONGEST:
        return None
    # The number of a line travels beside its fields, under this name.
    if len({*names, "_line"}) <= len(names) or not _END.fullmatch(line, at):
        return None
    texts, bare = (frozenset(found[2] for found in fields if found[kind] is not None) for kind in (3, 4))
    return Shape(tuple(names), tuple(before), line[at:], texts, bare)


def fitting(lines: polars.DataFrame, shape: Shape) -> tuple[polars.DataFrame, polars.DataFrame, bool]:
    """Those of some lines (`_line`, `text`) that have the shape, as `_line` and the fields; and the others.

    With them, whether no text holds what only an escape can give: a control character, or a backslash.
    """
    import polars as pl

    # One expression runs on one core: half of the lines each.
    pieces = lines.iter_slices(max(1, -(-lines.height // _THREADS)))
    apart = pl.concat(pl.collect_all([_apart(piece.lazy(), shape) for piece in pieces]))
    apart, meaningless, sendable = _decoded(apart)
    fits = apart["rest"].is_not_null().scatter(meaningless, False)
    rest = lines.filter(~fits)
    if rest.height:
        # polars takes a single row with an empty chunk beside it for one to be repeated, and panics.
        apart, rest = apart.filter(fits).rechunk(), rest.rechunk()
    values = [pl.coalesce(*groups).alias(name) for name, groups in zip(shape.names, shape.groups, strict=True)]
    return apart.select("_line", *values), rest, sendable


def _apart(lines: polars.LazyFrame, shape: Shape) -> polars.LazyFrame:
    """`_line`, `escaped` (whether there are escapes), the groups, and `rest`: NULL for a line that does not fit."""
    import polars as pl

    text = pl.col("text")
    made = lines.select("_line", text.str.contains("\\", literal=True).alias("escaped"), text.alias("rest"))
    for pattern, names in shape.steps:
        made = made.with_columns(pl.col("rest").str.extract_groups(pattern).struct.rename_fields(names)).unnest("rest")
    return made


def _decoded(apart: polars.DataFrame) -> tuple[polars.DataFrame, list[int], bool]:
    """The groups without escapes, the rows with one that means no character, and whether the others can be sent."""
    import polars as pl

    meaningless: set[int] = set()
    sendable = True
    escaped = apart["escaped"].arg_true()
    for name in [name for name in apart.columns if name.startswith("text")] if escaped.len() else []:
        cells = apart[name].gather(escaped)
        with_escape = cells.str.contains("\\", literal=True)
        if not with_escape.any():
            continue
        rows = escaped.filter(with_escape)
        meant = pl.Series(_meant(cells.filter(with_escape).to_list()), dtype=pl.String)
        meaningless |= set(rows.filter(meant.is_null()))
        sendable = sendable and not meant.str.contains(r"[\x00-\x08\\]").any()
        apart = apart.with_columns(apart[name].scatter(rows, meant))
    return apart, sorted(meaningless), sendable


def _meant(cells: list[str]) -> list[str | None]:
    """What texts with escapes stand for, all at once; None for one in which an escape stands for nothing."""
    import msgspec

    try:
        # No text has a quote without a backslash before it, so where one ends is certain.
        return msgspec.json.decode('["' + '","'.join(cells) + '"]', type=list[str | None])
    except ValueError:
        return [None] if len(cells) == 1 else [text for cell in cells for text in _meant([cell])]
