"""Unpack a Stream Load body while it arrives."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import zstandard

from emulator.stream_load.headers import LoadError

_GZIP_OR_ZLIB = 47


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _unpacker(kind: str) -> _Unpacker:
    if kind == "zstd":
        return zstandard.ZstdDecompressor().decompressobj()
    return bz2.BZ2Decompressor() if kind == "bzip2" else zlib.decompressobj(_GZIP_OR_ZLIB)


def unpacked(chunks: Iterable[bytes], kind: str) -> Iterable[bytes]:
    """The plain bytes of a body packed as `kind` ('' = not packed); several streams in a row are one body.

    Raises LoadError for kinds that this server lacks and for damaged bodies.
    """
    if not kind:
        return chunks
    if kind not in ("gzip", "deflate", "bzip2", "zstd"):
        raise LoadError(f"Stream Load with {kind} compression is not supported by the embedded server")
    return _unpack(chunks, kind)


def _unpack(chunks: Iterable[bytes], kind: str) -> Iterator[bytes]:
    unpacker, started = _unpacker(kind), False
    try:
        for chunk in chunks:
            while chunk:
                started = True
                plain = unpacker.decompress(chunk)
                if plain:
                    yield plain
                chunk = b""
                if unpacker.eof:
                    chunk, unpacker, started = unpacker.unused_data, _unpacker(kind), False
    except (zlib.error, zstandard.ZstdError, OSError, EOFError) as error:
        raise LoadError(f"Failed to decompress the {kind} body: {error}") from error
    if started:
        raise LoadError(f"Failed to decompress the {kind} body: it ends too early")
