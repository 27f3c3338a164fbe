"""Backup repositories: folders on this machine, with snapshots in StarRocks' layout of names.

    <location>/__starrocks_repository_<repo>/__repo_info
    <location>/__starrocks_repository_<repo>/__ss_<snapshot>/__info_<timestamp>      JSON: what is in it
    <location>/__starrocks_repository_<repo>/__ss_<snapshot>/__ss_content/*.parquet  the rows, one file a table

A snapshot is written under a name that ends in `.part` and renamed when it is complete: what is half is never listed.
Source of the names: fe/fe-core/src/main/java/com/starrocks/backup/Repository.java.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.errors import failed, unsupported

COMMON_ERROR = 5064
INFO = "__info_"
PREFIX = "__ss_"
CONTENT = "__ss_content"


@dataclass(frozen=True)
class Repository:
    """One repository; kept as an object of kind `repository`. `created` is in epoch seconds."""

    id: int
    name: str
    location: str
    read_only: bool
    created: float
    broker: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def root(self) -> Path:
        return local_path(self.location) / f"__starrocks_repository_{self.name}"

    def snapshot_path(self, snapshot: str) -> Path:
        return self.root / f"{PREFIX}{snapshot}"

    def open(self) -> None:
        """Make the folder, or take over one of the same name. Raises 5064 when the folder cannot be used."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            info = self.root / "__repo_info"
            if not info.exists():
                write_durably(info, json.dumps({"name": self.name, "create_time": stamp(self.created)}).encode())
        except OSError as error:
            raise failed(f"Failed to create repository: {error}", COMMON_ERROR) from error

    def snapshots(self) -> list[str]:
        """Names of the complete snapshots."""
        if not self.root.is_dir():
            return []
        found = (path for path in self.root.iterdir() if path.name.startswith(PREFIX) and path.suffix != ".part")
        return sorted(path.name.removeprefix(PREFIX) for path in found if any(path.glob(f"{INFO}*")))

    def timestamps(self, snapshot: str) -> list[str]:
        """Backup timestamps of a snapshot; empty when there is no such snapshot."""
        return sorted(path.name.removeprefix(INFO) for path in self.snapshot_path(snapshot).glob(f"{INFO}*"))

    def info(self, snapshot: str, timestamp: str) -> dict[str, Any] | None:
        """What a snapshot holds, None when it has no such timestamp."""
        path = self.snapshot_path(snapshot) / f"{INFO}{timestamp}"
        if "/" in snapshot or "/" in timestamp or not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found


def local_path(location: str) -> Path:
    """The folder of a `file://` location. Raises 1235 for object stores, brokers and HDFS."""
    parts = urlsplit(location)
    if parts.scheme != "file":
        raise unsupported(f"REPOSITORY on LOCATION {location!r} (only file:// is)")
    return Path(unquote(parts.netloc + parts.path))


def stamp(at: float, separator: str = " ") -> str:
    """A time as SHOW prints it (UTC); with separator '-' a backup timestamp such as 2026-11-01-10-25-58-842."""
    moment = time.gmtime(at)
    if separator == " ":
        return time.strftime("%Y-%m-%d %H:%M:%S", moment)
    return time.strftime("%Y-%m-%d-%H-%M-%S", moment) + f"-{int(at * 1000) % 1000:03d}"


def write_durably(path: Path, data: bytes) -> None:
    """Write a file so that it survives a crash right after."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make names in a directory survive a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_durably(source: Path, target: Path) -> None:
    """Move a file, also to another file system, and write it through to the disk."""
    shutil.move(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())
