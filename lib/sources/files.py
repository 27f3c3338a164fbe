"""`files <glob>`: CSV files that are dropped into a folder, each loaded as one part and remembered by its content."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from lib import log
from lib.catalog import TableFile
from lib.errors import DataRefused, Misconfigured
from lib.reading import BATCH_ROWS, Batch, Known, Part, Reject, Window
from lib.settings import settings

_BLOCK = 1024 * 1024
# A field larger than this is a quote that was never closed.
_FIELD_BYTES = 16 * 1024 * 1024


def parts(table: TableFile, known: Known, window: Window) -> Iterator[Part]:
    """The files of the glob whose content has not been loaded, in the order of their names."""
    assert table.source is not None
    base, pattern = _split(table.source.what)
    if not base.is_dir():
        raise Misconfigured(
            f"{table.source.line.path}:{table.source.line.number}: {base} is no folder", hint="set SOURCE_DIR"
        )
    for path in sorted(base.glob(pattern)):
        name = str(path.relative_to(base))
        if not path.is_file() or not _in_window(name, window):
            continue
        found = part(path, name, table)
        if found and (found.content not in known.contents or window.rewrite):
            yield found


def part(path: Path, name: str, table: TableFile) -> Part | None:
    """A file as a part; None while somebody is still writing it."""
    if path.suffix.lower() != ".csv":
        raise DataRefused(f"{table.name}: {path}: only .csv files can be read", hint="narrow the glob of `-- source:`")
    before = path.stat()
    content = _digest(path)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        log.info("file_still_growing", file=name, bytes=after.st_size)
        return None
    return Part(name, partial(_batches, path, name, table, content), content)


def _split(what: str) -> tuple[Path, str]:
    path = Path(what)
    if path.is_absolute():
        return Path(path.anchor), str(path.relative_to(path.anchor))
    return settings().sources, what


def _in_window(name: str, window: Window) -> bool:
    """Whether the business date in a file's name is in the range that is asked for; without one the file is read."""
    import re
    from datetime import datetime

    found = re.search(r"(\d{4})-?(\d{2})-?(\d{2})", name)
    if not found or not window.is_range:
        return True
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return True
    return (window.since is None or day >= window.since) and (window.until is None or day < window.until)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class _Hashed(io.RawIOBase):
    """A file whose bytes are hashed as they are read: what was loaded is what was looked at before."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        block = self._file.read(len(buffer))
        self.digest.update(block)
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._file.close()
        super().close()


def _batches(path: Path, name: str, table: TableFile, content: str) -> Iterator[Batch]:
    """Reads a CSV file by its header: names in any order, BOM, CRLF, LF or CR, quotes and newlines within them.

    Raises `DataRefused` for what spoils a whole file: no UTF-8, no header or a doubled name in it, a quote that is
    never closed, a file that changed while it was read.
    """
    csv.field_size_limit(_FIELD_BYTES)
    raw = _Hashed(path)
    with io.TextIOWrapper(io.BufferedReader(raw, _BLOCK), encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        line = 0
        try:
            header = next(reader, None)
            if header is None:
                return
            _check_header(header, name, table)
            rows: list[list[str]] = []
            lines: list[int] = []
            rejects: list[Reject] = []
            line = reader.line_num
            for row in reader:
                begins, line = line + 1, reader.line_num
                if not row:
                    continue
                if len(row) != len(header):
                    rejects.append(_wrong_width(row, len(header), name, begins))
                else:
                    rows.append(row)
                    lines.append(begins)
                if len(rows) + len(rejects) >= BATCH_ROWS:
                    yield _batch(header, rows, lines, rejects, name, table)
                    rows, lines, rejects = [], [], []
            yield _batch(header, rows, lines, rejects, name, table)
        except csv.Error as error:
            raise DataRefused(
                f"{table.name}: {name}:{line + 1}: {error}", hint="is the file cut off in a row?"
            ) from None
        except UnicodeDecodeError as error:
            raise DataRefused(f"{table.name}: {name}: after line {line}: not UTF-8: {error.reason}") from None
        if raw.digest.hexdigest() != content:
            raise DataRefused(f"{table.name}: {name}: changed while it was read", hint="run the job again")


def _check_header(header: list[str], name: str, table: TableFile) -> None:
    doubled = sorted({column for column in header if header.count(column) > 1})
    if doubled:
        raise DataRefused(f"{table.name}: {name}:1: the header has {', '.join(doubled)} more than once")


def _wrong_width(row: list[str], expected: int, name: str, line: int) -> Reject:
    told = f"{len(row)} fields, expected {expected}"
    return Reject("columns", "", told, f"{name}:{line}", ",".join(row)[:65000])


def _batch(
    header: list[str],
    rows: list[list[str]],
    lines: list[int],
    rejects: list[Reject],
    name: str,
    table: TableFile,
) -> Batch:
    import polars as pl

    made = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    texts = list(table.nulls)
    frame = made.select(
        pl.lit(name).alias("_file"),
        pl.Series("_line", [str(line) for line in lines], dtype=pl.String),
        *(pl.when(pl.col(column).is_in(texts)).then(None).otherwise(pl.col(column)).alias(column) for column in header),
    ).with_columns((pl.col("_file") + ":" + pl.col("_line")).alias("_source"))
    return Batch(frame, rejects)
