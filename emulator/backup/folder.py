"""A repository in a folder of this machine: `file://`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.backup.store import StoreError

HALF = ".part"


class Folder:
    """The `Store` below one folder; it is made with the first file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: str) -> list[str]:
        with _told():
            place = self.root / folder
            return [path.name for path in place.iterdir() if path.suffix != HALF] if place.is_dir() else []

    def read(self, name: str) -> bytes | None:
        with _told():
            path = self.root / name
            return path.read_bytes() if path.is_file() else None

    def write(self, name: str, data: bytes) -> None:
        with _told():
            path = self._place(name)
            half = path.with_name(path.name + HALF)
            half.write_bytes(data)
            _sync(half)
            half.rename(path)
            _sync(path.parent)

    def upload(self, source: Path, name: str) -> None:
        with _told():
            path = self._place(name)
            shutil.move(source, path)
            _sync(path)
            _sync(path.parent)

    def download(self, name: str, target: Path) -> None:
        with _told():
            shutil.copyfile(self.root / name, target)

    def delete(self, names: list[str]) -> None:
        with _told():
            for name in names:
                path = self.root / name
                path.unlink(missing_ok=True)
                self._tidy(path.parent)

    def _place(self, name: str) -> Path:
        """Where a file goes; its folder is there, and stays there after a crash."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync(path.parent.parent)
        return path

    def _tidy(self, folder: Path) -> None:
        """Empty folders of deleted files go; the repository's own stays."""
        while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(str(error)) from error


def _sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
