"""`files <glob>`: files that are dropped into a folder, each loaded as one part and remembered by its content.

The end of a name says what it is: a module of this folder a format, and `.gz` or `.zst` on top of any text.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from lib import log
from lib.background import ahead
from lib.catalog import TableFile
from lib.errors import Misconfigured
from lib.reading import Batch, Known, Part, Window
from lib.settings import settings
from lib.sources._files import bucket, opened
from lib.sources._files.digests import digest
from lib.sources._files.opened import COMPRESSED, SourceFile

FORMATS = {
    ".csv": "csv_text",
    ".tsv": "csv_text",
    ".txt": "csv_text",
    ".ndjson": "json_lines",
    ".jsonl": "json_lines",
    ".json": "json_array",
    ".parquet": "parquet",
}
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


class Format(Protocol):
    """A module that reads one format."""

    def batches(self, file: SourceFile, path: Path) -> Iterator[Batch]:
        """The rows of a file, whose bytes are to be read from `path`."""


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """The files of the glob whose content has not been loaded, in the order of their names.

    `{date}` in the glob stands for a day such as 2026-11-01. Raises `Misconfigured` when there is no such folder or
    bucket, `Unavailable` when a bucket does not answer.
    """
    assert table.source is not None
    found = _in_bucket if table.source.what.startswith(bucket.SCHEMES) else _in_folder
    for part in found(table, known, window):
        if part.content in known.contents and not window.rewrite:
            continue
        if part.name in known.names and part.content not in known.contents:
            log.info("file_has_new_content", table=table.name, file=part.name)
        yield part


def _in_folder(table: TableFile, _known: Known, window: Window) -> Iterator[Part]:
    assert table.source is not None
    base, pattern = _split(table.source.what)
    if not base.is_dir():
        raise Misconfigured(
            f"{table.source.line.path}:{table.source.line.number}: {base} is no folder", hint="set SOURCE_DIR"
        )
    for path in sorted(base.glob(pattern.replace("{date}", _DAY))):
        name = str(path.relative_to(base))
        if path.is_file() and _in_window(name, window) and (found := part(path, name, table)):
            yield found


def _in_bucket(table: TableFile, _known: Known, window: Window) -> Iterator[Part]:
    assert table.source is not None
    for file in bucket.listed(table.source.what.replace("{date}", _DAY)):
        if _in_window(file.name, window):
            yield Part(file.name, partial(_from_bucket, file, table), file.content)


def _from_bucket(file: bucket.Object, table: TableFile) -> Iterator[Batch]:
    with file.fetched() as path:
        yield from _batches(SourceFile(path, file.name, table, file.content, opened.state(path)))


def part(path: Path, name: str, table: TableFile) -> Part | None:
    """A file as a part; None while somebody is still writing it."""
    before = opened.state(path)
    content = digest(path, before)
    shown = name.encode("utf-8", "backslashreplace").decode()
    if shown != name:
        return Part(shown, partial(_nameless, SourceFile(path, shown, table, content, before)), content)
    if opened.state(path) != before:
        log.info("file_still_growing", file=name, bytes=path.stat().st_size)
        return None
    return Part(name, partial(_batches, SourceFile(path, name, table, content, before)), content)


def _nameless(file: SourceFile) -> Iterator[Batch]:
    raise file.wrong("the file's name is no UTF-8", hint="rename it")
    yield


def _batches(file: SourceFile) -> Iterator[Batch]:
    opened.check_unchanged(file)
    reader = _format(file)
    with opened.plain(file) as path:
        yield from ahead(reader.batches(file, path))
    opened.check_unchanged(file)


def _format(file: SourceFile) -> Format:
    suffixes = [suffix.lower() for suffix in file.path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in COMPRESSED
    suffix = (suffixes[:-1] if packed else suffixes)[-1:] or [""]
    if suffix[0] not in FORMATS or (packed and suffix[0] == ".parquet"):
        raise file.wrong(
            f"no format that can be read; there is {', '.join(FORMATS)}, and .gz or .zst on top of text",
            hint="narrow the glob of `-- source:`",
        )
    return cast(Format, importlib.import_module(f"lib.sources._files.{FORMATS[suffix[0]]}"))


def _split(what: str) -> tuple[Path, str]:
    path = Path(what)
    if path.is_absolute():
        return Path(path.anchor), str(path.relative_to(path.anchor))
    return settings().sources, what


def _in_window(name: str, window: Window) -> bool:
    """Whether the business date in a file's name is in the range that is asked for; without one the file is read."""
    found = re.search(r"(\d{4})-?(\d{2})-?(\d{2})", name)
    if not found or not window.is_range:
        return True
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return True
    return (window.since is None or day >= window.since) and (window.until is None or day < window.until)
