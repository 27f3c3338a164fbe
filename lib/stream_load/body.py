"""The body of a Stream Load: rows as bytes, in pieces, never as a whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path


@dataclass(frozen=True)
class Body:
    """Rows as bytes: a file, or a function that gives the same chunks anew each time it is called.

    `length` is the number of bytes of the chunks; None sends them chunked. A file's length is its size.
    """

    chunks: Callable[[], Iterator[bytes]] | Path
    length: int | None = None


class Stream:
    """Pieces of 64 KiB, counted; remembers that the sending began and what its producer raised."""

    PIECE = 64 * 1024

    def __init__(self, chunks: Iterator[bytes], length: int | None) -> None:
        self._chunks = chunks
        self._length = length
        self.begun = False
        self.sent = 0
        self.fault: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.begun = True
        try:
            for piece in self._pieces():
                self.sent += len(piece)
                if self._length is not None and self.sent > self._length:
                    raise ValueError(f"the body promised {self._length} bytes and has more")
                yield piece
            if self._length is not None and self.sent != self._length:
                raise ValueError(f"the body promised {self._length} bytes and has {self.sent}")
        except Exception as error:
            # requests would dress an OSError of the producer as a broken connection.
            self.fault = error
            raise

    def _pieces(self) -> Iterator[bytes]:
        buffer = bytearray()
        for chunk in self._chunks:
            buffer += chunk
            while len(buffer) >= self.PIECE:
                yield bytes(buffer[: self.PIECE])
                del buffer[: self.PIECE]
        if buffer:
            yield bytes(buffer)


class SizedStream(Stream):
    """A body whose length is known: requests sends Content-Length for what has a `len`, else chunks."""

    def __len__(self) -> int:
        return self._length or 0


@contextmanager
def opened(body: Body) -> Iterator[Stream]:
    """The body as a stream for one request. Raises `ValueError` when it is known to be empty."""
    if isinstance(body.chunks, Path):
        with body.chunks.open("rb", buffering=0) as file:
            length = os.fstat(file.fileno()).st_size if body.length is None else body.length
            yield _filled(SizedStream(iter(partial(file.read, Stream.PIECE), b""), length))
    elif body.length is None:
        yield Stream(body.chunks(), None)
    else:
        yield _filled(SizedStream(body.chunks(), body.length))


def _filled(stream: SizedStream) -> SizedStream:
    if not len(stream):
        raise ValueError("an empty body: StarRocks fails a load without rows, so do not send it")
    return stream
