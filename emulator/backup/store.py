"""What a repository needs of the place that it lies in: a folder (`folder.py`) or a bucket (`bucket.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from emulator.errors import StarRocksError

COMMON_ERROR = 5064


class StoreError(StarRocksError):
    """The place cannot be reached, or does not let us do it; the message says which file and why. Number 5064."""

    def __init__(self, message: str) -> None:
        super().__init__(COMMON_ERROR, message)


class Store(Protocol):
    """Files by their names, `/` between the parts. Every method raises `StoreError`."""

    def names(self, folder: str) -> list[str]:
        """Names of the files and folders right below a folder, without it; none when there is no such folder."""

    def read(self, name: str) -> bytes | None:
        """A whole file, None when there is none."""

    def write(self, name: str, data: bytes) -> None:
        """A whole file at once: whoever reads sees all of it or nothing, also after a crash."""

    def upload(self, source: Path, name: str) -> None:
        """Take a local file over; it may be gone afterwards."""

    def download(self, name: str, target: Path) -> None:
        """Copy a file to this machine."""

    def delete(self, names: list[str]) -> None:
        """Remove files one after the other; absent is no error."""
