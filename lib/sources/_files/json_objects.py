"""JSON objects as rows of text: a number keeps the text it was written with, so no digit of it is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from lib import log
from lib.reading import Batch, Reject
from lib.sources._files.opened import SourceFile
from lib.sources._files.placed import placed

if TYPE_CHECKING:
    import msgspec

Fields = dict[str, str | None]
_SHOWN = 65000


@cache
def _decoders() -> tuple[msgspec.json.Decoder[dict[str, msgspec.Raw]], msgspec.json.Decoder[str]]:
    import msgspec

    return msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(str)


def fields(text: bytes) -> Fields:
    """The fields of one JSON object: text without its quotes, null as None, anything else as it is written.

    Raises `ValueError` for what is no JSON object, or nested deeper than can be read.
    """
    objects, texts = _decoders()
    try:
        made: Fields = {}
        for name, raw in objects.decode(text).items():
            data = bytes(raw)
            if data[:1] == b'"':
                made[name] = texts.decode(data)
            else:
                made[name] = None if data == b"null" else data.decode("utf-8")
    except (ValueError, RecursionError) as error:
        # A DecodeError of msgspec is a ValueError.
        raise ValueError(str(error) or type(error).__name__) from None
    return made


def broken(file: SourceFile, line: int, text: bytes, why: str) -> Reject:
    """An object that cannot be read, whole."""
    return Reject("json", "", why[:200], f"{file.name}:{line}", text[:_SHOWN].decode("utf-8", "backslashreplace"))


class Columns:
    """The columns of a file: every batch has the same ones. Fields that come later are told of, and never lost."""

    def __init__(self, file: SourceFile, names: Iterable[str]) -> None:
        self.file = file
        self.names = list(dict.fromkeys(names))
        self._known = set(self.names)
        self._wanted = file.mentioned()

    def check(self, names: Iterable[str], line: int) -> None:
        """Raises `DataRefused` for a field that the table may need and the first rows have not; others are left out."""
        for name in names:
            if name in self._known:
                continue
            if name.lower() in self._wanted:
                raise self.file.wrong(
                    f"the field {name} comes first here",
                    line,
                    "give it to the first rows too, null where it has no value",
                )
            self._known.add(name)
            log.warning("file_has_new_field", table=self.file.table.name, file=self.file.name, field=name, line=line)

    def batch(self, rows: list[Fields], lines: list[int], rejects: list[Reject]) -> Batch:
        """Rows as a batch; a field that an object lacks is NULL."""
        import polars as pl

        for row, line in zip(rows, lines, strict=True):
            if not self._known.issuperset(row):
                self.check(row, line)
        columns = {name: [row.get(name) for row in rows] for name in self.names}
        frame = pl.DataFrame(columns, schema=dict.fromkeys(self.names, pl.String))
        return Batch(placed(frame, self.file, pl.Series("_line", lines, dtype=pl.Int64)), rejects)


def names_of(rows: Iterable[Fields]) -> Iterator[str]:
    """The names of the fields of some rows, in the order in which they come."""
    for row in rows:
        yield from row
