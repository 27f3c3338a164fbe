"""Backup repositories: a folder or a bucket with snapshots, in StarRocks' layout of names.

    <location>/__starrocks_repository_<repo>/__repo_info
    <location>/__starrocks_repository_<repo>/__ss_<snapshot>/__info_<timestamp>      JSON: what is in it
    <location>/__starrocks_repository_<repo>/__ss_<snapshot>/__ss_content/*.parquet  the rows, one file a table

The content of a snapshot is written first and `__info_` last: what is half is never listed.
Source of the names: fe/fe-core/src/main/java/com/starrocks/backup/Repository.java.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.backup import bucket
from emulator.backup.folder import Folder
from emulator.backup.store import COMMON_ERROR, Store, StoreError
from emulator.errors import failed, unsupported

REPO_INFO = "__repo_info"
INFO = "__info_"
PREFIX = "__ss_"
CONTENT = "__ss_content"


@dataclass(frozen=True)
class Repository:
    """One repository; kept as an object of kind `repository`. `created` is in epoch seconds.

    `properties` hold the keys of a bucket: kept as they are, as StarRocks does (BlobStorage.java), and never shown.
    """

    id: int
    name: str
    location: str
    read_only: bool
    created: float
    broker: str = ""
    properties: dict[str, str] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @cached_property
    def store(self) -> Store:
        """Where its files are. Raises 1235 for brokers, HDFS and stores that do not speak S3."""
        folder, parts = f"__starrocks_repository_{self.name}", urlsplit(self.location)
        if parts.scheme == "file":
            return Folder(Path(unquote(parts.netloc + parts.path)) / folder)
        if parts.scheme in bucket.SCHEMES:
            return bucket.Bucket(self.location, folder, self.properties)
        raise unsupported(f"REPOSITORY on LOCATION {self.location!r} (only file://, s3:// and s3a:// are)")

    def open(self) -> None:
        """Make it, or take over one of the same name. Raises 5064 when its place cannot be used."""
        try:
            if self.store.read(REPO_INFO) is None:
                info = {"name": self.name, "create_time": stamp(self.created)}
                self.store.write(REPO_INFO, json.dumps(info).encode())
        except StoreError as error:
            raise failed(f"Failed to create repository: {error.message}", COMMON_ERROR) from error

    def fault(self) -> str:
        """What is wrong with its place, '' when it answers. StarRocks looks every ten minutes, we when asked."""
        try:
            if self.store.read(REPO_INFO) is not None:
                return ""
            said = f"remote path does not exist: {self.location}/__starrocks_repository_{self.name}"
        except StoreError as error:
            said = f"failed to check remote path exist: {error.message}"
        return f"{stamp(time.time())}: {said}"

    def snapshots(self) -> list[str]:
        """Names of the complete snapshots."""
        found = (name.removeprefix(PREFIX) for name in self.store.names("") if name.startswith(PREFIX))
        return sorted(name for name in found if self.timestamps(name))

    def timestamps(self, snapshot: str) -> list[str]:
        """Backup timestamps of a snapshot; empty when there is no such snapshot."""
        found = self.store.names(_inside(snapshot))
        return sorted(name.removeprefix(INFO) for name in found if name.startswith(INFO))

    def info(self, snapshot: str, timestamp: str) -> dict[str, Any] | None:
        """What a snapshot holds, None when it has no such timestamp."""
        if "/" in timestamp:
            return None
        found = self.store.read(f"{_inside(snapshot)}/{INFO}{timestamp}")
        return None if found is None else dict(json.loads(found))

    def upload(self, snapshot: str, source: Path) -> None:
        """Put a file into a snapshot's content, under its own name."""
        self.store.upload(source, f"{_inside(snapshot)}/{CONTENT}/{source.name}")

    def download(self, snapshot: str, target: Path) -> None:
        """Fetch the file of that name from a snapshot's content."""
        self.store.download(f"{_inside(snapshot)}/{CONTENT}/{target.name}", target)

    def publish(self, snapshot: str, timestamp: str, info: dict[str, Any]) -> None:
        """Say what the snapshot holds: from now on it exists. Raises 5064 when another one has taken its name."""
        if self.timestamps(snapshot):
            raise failed(f"Snapshot with name '{snapshot}' already exist in repository", COMMON_ERROR)
        text = json.dumps(info, ensure_ascii=False, indent=1)
        self.store.write(f"{_inside(snapshot)}/{INFO}{timestamp}", text.encode())

    def discard(self, snapshot: str, timestamp: str, files: list[str]) -> None:
        """Take away what one backup has written; first what makes it a snapshot."""
        content = [f"{_inside(snapshot)}/{CONTENT}/{name}" for name in files]
        self.store.delete([f"{_inside(snapshot)}/{INFO}{timestamp}", *content])


def _inside(snapshot: str) -> str:
    """A snapshot's folder. Raises 1235 for a name that would lead out of it; StarRocks makes folders in folders."""
    if "/" in snapshot:
        raise unsupported(f"SNAPSHOT with '/' in its name {snapshot!r}")
    return f"{PREFIX}{snapshot}"


def stamp(at: float, separator: str = " ") -> str:
    """A time as SHOW prints it (UTC); with separator '-' a backup timestamp such as 2026-11-01-10-25-58-842."""
    moment = time.gmtime(at)
    if separator == " ":
        return time.strftime("%Y-%m-%d %H:%M:%S", moment)
    return time.strftime("%Y-%m-%d-%H-%M-%S", moment) + f"-{int(at * 1000) % 1000:03d}"
