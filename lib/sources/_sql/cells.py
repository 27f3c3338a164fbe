"""Rows of a database as text that the strict parser takes: what cannot be text is a reject, never altered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lib.reading import Batch, Reject, row_text, text_of

Row = dict[str, str | None]


def batch(names: list[str], rows: Sequence[Sequence[Any]], place: Callable[[Row], str]) -> Batch:
    """Rows as one frame of text; one with bytes that are no UTF-8 is a reject."""
    import polars as pl

    rejects: list[Reject] = []
    if any(isinstance(value, bytes | memoryview) for row in rows for value in row):
        rows, rejects = _decoded(names, rows, place)
    columns = {name: [text_of(row[index]) for row in rows] for index, name in enumerate(names)}
    places = [place(dict(zip(names, texts, strict=True))) for texts in zip(*columns.values(), strict=True)]
    schema = dict.fromkeys(["_source", *names], pl.String)
    return Batch(pl.DataFrame({"_source": places, **columns}, schema=schema), rejects)


def shown(names: list[str], row: Sequence[Any]) -> Row:
    """A row as people see it: bytes that are no text as hexadecimal digits."""
    return {name: _shown(value) for name, value in zip(names, row, strict=True)}


def _decoded(
    names: list[str], rows: Sequence[Sequence[Any]], place: Callable[[Row], str]
) -> tuple[list[Sequence[Any]], list[Reject]]:
    good: list[Sequence[Any]] = []
    rejects: list[Reject] = []
    for row in rows:
        try:
            good.append([bytes(value).decode() if isinstance(value, bytes | memoryview) else value for value in row])
        except UnicodeDecodeError:
            texts = shown(names, row)
            index = next(at for at, value in enumerate(row) if _is_binary(value))
            rejects.append(
                Reject("encoding", names[index], str(texts[names[index]])[:200], place(texts), row_text(texts))
            )
    return good, rejects


def _is_binary(value: Any) -> bool:
    if not isinstance(value, bytes | memoryview):
        return False
    try:
        bytes(value).decode()
    except UnicodeDecodeError:
        return True
    return False


def _shown(value: Any) -> str | None:
    return bytes(value).hex() if _is_binary(value) else text_of(value)
