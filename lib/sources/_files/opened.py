"""A source file as it was when it was looked at: its bytes, decompressed where need be, and proof that none changed."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lib.catalog import TableFile
from lib.errors import DataRefused, Misconfigured
from lib.settings import settings

COMPRESSED = (".gz", ".zst")
BLOCK = 1024 * 1024
# Text compresses 3 to 20 times; a file that grows more than this is no data, and would fill the disk.
MOST_EXPANDED = 200
_EXPANDED_FREELY = 256 * BLOCK
# Disk that is left to others while a file is decompressed.
DISK_LEFT = 1024 * BLOCK
_STALE_SECONDS = 2 * 24 * 3600
# Four bytes of zstd can stand for 128 KiB, and the decompressor gives all at once: 64 MiB at most for these.
_ZSTD_AT_ONCE = 2048


# How bytes begin that polars expands by itself, asked or not: zlib (`x^` may well be text), gzip, zstd.
EXPANDED = (b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: `name` is what people and the ledger call it, `state` what changes when it is written."""

    path: Path
    name: str
    table: TableFile
    content: str
    state: tuple[int, ...]

    def mentioned(self) -> set[str]:
        """The words of the table's DDL and expressions in lower case: every name that the table may need is one."""
        texts = (self.table.ddl, *self.table.columns.values())
        return {word.lower() for text in texts for word in re.findall(r"\w+", text)}

    def wrong(self, why: str, line: int | None = None, hint: str = "") -> DataRefused:
        """The refusal of the whole file."""
        return DataRefused(f"{self.table.name}: {self.name}{'' if line is None else f':{line}'}: {why}", hint=hint)


def state(path: Path) -> tuple[int, ...]:
    """Size, inode and times of a file: no program can write to it and leave these as they are (ctime)."""
    found = path.stat()
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


@contextmanager
def plain(file: SourceFile) -> Iterator[Path]:
    """The file's bytes as a path, decompressed to the spool when it is `.gz` or `.zst`.

    A compressed file is decompressed to its end before a row of it is used. Raises `DataRefused` for one that is cut
    off, damaged, or expands beyond reason.
    """
    suffix = file.path.suffix.lower()
    if suffix not in COMPRESSED:
        yield file.path
        return
    spool = settings().state_dir / "spool" / f"f_{uuid.uuid4().hex}"
    if not file.state[0]:
        raise file.wrong("cannot be decompressed: it is empty", hint="was it cut off on its way?")
    spool.parent.mkdir(parents=True, exist_ok=True)
    _sweep(spool.parent)
    try:
        with file.path.open("rb") as packed, spool.open("wb") as text:
            chunks = _gunzipped(packed) if suffix == ".gz" else _unzstd(packed)
            _expand(file, chunks, text)
        yield spool
    finally:
        spool.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Removes what killed runs have left: no file is read for two days."""
    for left in folder.glob("f_*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def check_unchanged(file: SourceFile) -> None:
    """Raises `DataRefused` when the file is not the one any more whose content was looked at."""
    try:
        same = state(file.path) == file.state
    except OSError:
        same = False
    if not same:
        raise file.wrong("changed while it was read", hint="run the job again")


def _expand(file: SourceFile, chunks: Iterator[bytes], text: BinaryIO) -> None:
    most = max(_EXPANDED_FREELY, file.state[0] * MOST_EXPANDED)
    size = checked = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise file.wrong(f"expands to more than {MOST_EXPANDED} times its size", hint="decompress it by hand")
            if size - checked > 64 * BLOCK:
                checked = size
                if shutil.disk_usage(os.fspath(settings().state_dir)).free < DISK_LEFT:
                    raise file.wrong("no room to decompress it", hint="STATE_DIR needs a larger disk")
            text.write(chunk)
    except (EOFError, OSError, zlib.error) as error:
        raise file.wrong(f"cannot be decompressed: {error}", hint="was it cut off on its way?") from None


def _gunzipped(packed: BinaryIO) -> Iterator[bytes]:
    """Every member of a gzip file, checked by its sum (gzip raises EOFError, BadGzipFile or zlib.error)."""
    import gzip

    with gzip.GzipFile(fileobj=packed) as text:
        while chunk := text.read(BLOCK):
            yield chunk


def _unzstd(packed: BinaryIO) -> Iterator[bytes]:
    """Every frame of a zstd file. Fed by hand, as a stream reader ends quietly where a file is cut off."""
    try:
        import zstandard
    except ImportError:
        raise Misconfigured("reading .zst files needs the package zstandard", hint="make install") from None
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    begun = False
    try:
        while chunk := packed.read(_ZSTD_AT_ONCE):
            while chunk:
                begun = True
                yield decompressor.decompress(chunk)
                chunk = decompressor.unused_data if decompressor.eof else b""
                if decompressor.eof:
                    decompressor, begun = zstandard.ZstdDecompressor().decompressobj(), False
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from None
    if begun:
        raise EOFError("the stream ends before its end marker")
