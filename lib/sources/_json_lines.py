"""NDJSON: one JSON object a line, in blocks of lines. Objects with the same fields in the same order go as vectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from lib.reading import Batch, Reject
from lib.sources import _objects
from lib.sources._objects import Columns, Fields
from lib.sources._opened import SourceFile
from lib.sources._placed import placed

if TYPE_CHECKING:
    import polars

BLOCK = 8 * 1024 * 1024
# A line larger than this is no row.
LONGEST = 16 * 1024 * 1024
_THREADS = 2
# A value that is text without an escape, a number as JSON has them, or a word; anything else goes the exact way.
_VALUE = r'("[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def batches(file: SourceFile, path: Path) -> Iterator[Batch]:
    """Reads as vectors the lines that have the fields of the first one in plain values, and the others one by one.

    A line that is no object is a reject; empty lines are none. Raises `DataRefused` for a line of more than 16 MiB.
    """
    columns: Columns | None = None
    pattern = ""
    line = 1
    for block in _blocks(file, path):
        texts = _texts(block)
        if columns is None:
            first = _read(file, [(1, texts[0])])[0]
            pattern = _pattern(list(first[0]) if first else [])
            columns = Columns(file, _names(file, path, list(first[0]) if first else [], pattern))
        yield _batch(file, columns, texts, pattern, line)
        line += len(texts)


def _blocks(file: SourceFile, path: Path) -> Iterator[bytes]:
    """Whole lines, each with its end; a file smaller than a block is one."""
    with path.open("rb", buffering=0) as data:
        line = 1
        carry = data.read(BLOCK)
        while more := data.read(BLOCK):
            cut = carry.rfind(b"\n") + 1
            if cut:
                yield carry[:cut]
                line += carry.count(b"\n", 0, cut)
            carry = carry[cut:] + more
            if b"\n" not in more and len(carry) > LONGEST:
                raise file.wrong(f"a line of more than {LONGEST:,} bytes", line, "is that an NDJSON file?")
        if carry.strip():
            yield carry if carry.endswith(b"\n") else carry + b"\n"


def _names(file: SourceFile, path: Path, first: list[str], pattern: str) -> list[str]:
    """The fields of the file: those of its first line, and any more that other lines of the first block have.

    A file whose first block is not of one kind is looked through to its end.
    """
    found = dict.fromkeys(first)
    for block in _blocks(file, path):
        texts = _texts(block)
        odd = _odd(_vectors(texts, pattern), texts, 1)
        more = [name for name in _objects.names_of(_read(file, odd)[0]) if name not in found]
        found |= dict.fromkeys(more)
        if len(found) == len(first):
            break
    return list(found)


def _texts(block: bytes) -> list[str]:
    """The lines of a block; bytes that are no UTF-8 become what no JSON may hold, and so a reject."""
    return block.decode("utf-8", "surrogateescape").split("\n")[:-1]


def _read(file: SourceFile, texts: list[tuple[int, str]]) -> tuple[list[Fields], list[int], list[Reject]]:
    """Lines with their numbers, one by one."""
    rows: list[Fields] = []
    lines: list[int] = []
    rejects: list[Reject] = []
    for number, text in texts:
        if not text.strip():
            continue
        data = (text.removeprefix("\ufeff") if number == 1 else text).encode("utf-8", "surrogateescape")
        try:
            rows.append(_objects.fields(data))
            lines.append(number)
        except ValueError as error:
            rejects.append(_objects.broken(file, number, data, str(error)))
    return rows, lines, rejects


def _pattern(names: list[str]) -> str:
    """What a line with these fields in this order looks like; "" when they are none for a pattern."""
    if not names or not all(_NAME.fullmatch(name) for name in names):
        return ""
    inner = r"[ \t]*,[ \t]*".join(rf'"{name}"[ \t]*:[ \t]*{_VALUE}' for name in names)
    return rf"^[ \t]*\{{[ \t]*{inner}[ \t]*\}}[ \t\r]*$"


def _batch(file: SourceFile, columns: Columns, texts: list[str], pattern: str, line: int) -> Batch:
    """The rows of some lines, in their order."""
    import polars as pl

    plain = _vectors(texts, pattern)
    rows, lines, rejects = _read(file, _odd(plain, texts, line))
    others = columns.batch(rows, lines, rejects)
    if plain is None:
        return others
    numbers = pl.int_range(line, line + len(texts), dtype=pl.Int64).alias("_line")
    # The pattern has the fields of the first line, which are the first of the columns.
    matched = plain.rename(dict(zip(plain.columns, columns.names, strict=False))).with_columns(numbers)
    matched = matched.filter(pl.first().is_not_null()).with_columns(
        pl.lit(None, pl.String).alias(name) for name in columns.names[plain.width :]
    )
    values = matched.select(*(_value(name) for name in columns.names))
    frame = placed(values, file, matched["_line"])
    if others.frame.height:
        frame = pl.concat([frame, others.frame.select(frame.columns)]).sort("_line")
    # The pattern lets no control character through, and no backslash.
    return Batch(frame, rejects, sendable=others.frame.is_empty())


def _value(name: str) -> polars.Expr:
    """A field without its quotes; the word null is NULL."""
    import polars as pl

    text = pl.col(name)
    bare = text.str.strip_prefix('"').str.strip_suffix('"')
    return pl.when(text != "null").then(bare).alias(name)


def _vectors(texts: list[str], pattern: str) -> polars.DataFrame | None:
    """The values of each line as they are written, NULL where a line is not as the pattern has it.

    Every character of a line is part of the pattern, and no value has an escape: there is one way to read it.
    """
    import polars as pl

    if not pattern:
        return None
    try:
        lines = pl.DataFrame({"line": texts}, schema={"line": pl.String})
    except UnicodeEncodeError:
        return None
    groups = pl.col("line").str.extract_groups(pattern)
    pieces = lines.iter_slices(max(1, -(-len(texts) // _THREADS)))
    with ThreadPoolExecutor(_THREADS) as pool:
        made: list[pl.DataFrame] = list(pool.map(lambda piece: piece.select(groups).unnest("line"), pieces))
    return pl.concat(made)


def _odd(plain: polars.DataFrame | None, texts: list[str], line: int) -> list[tuple[int, str]]:
    """The lines that are to be read one by one, with their numbers."""
    if plain is None:
        return list(enumerate(texts, line))
    return [(line + index, texts[index]) for index in plain[:, 0].is_null().arg_true()]
