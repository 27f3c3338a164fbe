"""The repository in which StarRocks keeps backups: made sure of, and asked which snapshots it holds."""

from __future__ import annotations

from dataclasses import dataclass

from lib.errors import Misconfigured, Refused
from lib.settings import settings
from lib.warehouse import Warehouse, quote

# How different clients see a NULL of SHOW.
_NO_FAULT = ("", "None", "NULL", "\\N")


@dataclass(frozen=True)
class Snapshot:
    """A snapshot in the repository: the timestamp that RESTORE wants, and OK or what is wrong with it."""

    timestamp: str
    status: str

    @property
    def is_whole(self) -> bool:
        """Whether it can be restored."""
        return self.status == "OK" and bool(self.timestamp)


def location() -> str:
    """Where backups go. Raises `Misconfigured` when nothing says so: no backup must never look like a backup."""
    found = settings().backup_location.rstrip("/")
    if not found:
        raise Misconfigured(
            "BACKUP_LOCATION is not set: there is no backup",
            hint="set BACKUP_LOCATION=s3://bucket/path or file:///directory, or take `backup` out of the crontab",
        )
    return found


def ensure(warehouse: Warehouse) -> None:
    """Creates the repository of the settings unless it is there.

    Raises `Misconfigured` when it is there with another location, or when only a person can create it, `Refused` when
    StarRocks cannot reach it.
    """
    name, wanted = settings().backup_repository, location()
    found = [row for row in warehouse.read("SHOW REPOSITORIES") if row["RepoName"] == name]
    if not found:
        _create(warehouse, name, wanted)
        return
    actual, fault = str(found[0]["Location"]).rstrip("/"), str(found[0]["ErrMsg"])
    if actual != wanted:
        raise Misconfigured(
            f"repository {name} is at {actual}, BACKUP_LOCATION says {wanted}",
            hint="correct one of them, or set BACKUP_REPOSITORY to another name; the old one keeps its backups",
        )
    if fault not in _NO_FAULT:
        raise Refused(f"repository {name} at {actual}: {fault}", hint="SHOW REPOSITORIES; does the store answer?")


def snapshot(warehouse: Warehouse, label: str) -> Snapshot:
    """What the repository knows of a snapshot.

    Of one that it does not have StarRocks shows a row all the same, with an error as its status
    (fe/fe-core/src/main/java/com/starrocks/backup/Repository.java, getSnapshotInfo).
    """
    rows = warehouse.read(f"SHOW SNAPSHOT ON {quote(settings().backup_repository)} WHERE SNAPSHOT = %s", (label,))
    for row in rows:
        if same_label(row["Snapshot"], label):
            return Snapshot(str(row["Timestamp"] or "").rpartition("\n")[2], str(row["Status"]))
    return Snapshot("", "no snapshot")


def same_label(shown: object, label: str) -> bool:
    """Whether a label in an answer is ours, however it is quoted there."""
    return str(shown).strip("`'\" ") == label


def _create(warehouse: Warehouse, name: str, wanted: str) -> None:
    statement = f"CREATE REPOSITORY {quote(name)} WITH BROKER ON LOCATION"
    if not wanted.startswith("file://"):
        # Its keys would have to pass through here, and stand in the audit log of the server.
        raise Misconfigured(
            f"there is no repository {name} in StarRocks, and for {wanted} it needs keys",
            hint=f'create it once by hand: {statement} "{wanted}" PROPERTIES ("aws.s3.access_key" = "...", ...)',
        )
    warehouse.write(f"{statement} %s", (wanted,))
