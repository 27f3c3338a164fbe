"""This host: its clock, and the directory where locks and spool files live."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from lib import lock
from lib.errors import Misconfigured
from lib.probes import Doubt, Patient
from lib.settings import settings

_REMOTE = ("nfs", "cifs", "smb", "fuse.sshfs", "fuse.s3fs", "fuse.gcsfuse", "9p", "ceph", "glusterfs")
_MOUNTS = Path("/proc/self/mounts")
_GIB = 1024**3
# A load spools chunks of 128 MiB; several tables may load at once.
_LEAST_BYTES, _GOOD_BYTES = _GIB // 4, 2 * _GIB


def host_time_zone(_patient: Patient) -> str:
    """Cron schedules in the zone of its own process; the crontab is written in UTC."""
    offset = datetime.now(UTC).astimezone().utcoffset()
    if offset:
        raise Doubt(
            f"this process is {offset} away from UTC; cron would start the jobs at the wrong hours",
            hint="run cron in UTC: timedatectl set-timezone UTC, or TZ=UTC for its service or container",
        )
    return "UTC"


def state_dir(_patient: Patient) -> str:
    """The state directory can be written to."""
    folder = settings().state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"doctor")
            file.flush()
    except OSError as error:
        raise Misconfigured(f"{folder}: {error.strerror}", hint="set STATE_DIR to a directory of this user") from None
    return str(folder)


def state_dir_is_local(_patient: Patient) -> str:
    """Locks on network file systems are not to be relied upon."""
    folder = settings().state_dir.resolve()
    kind = _file_system(folder)
    if kind.startswith(_REMOTE):
        raise Doubt(f"{folder} is on {kind}: locks may not hold there", hint="set STATE_DIR to a local disk")
    return kind or "file system not known here"


def lock_works(patient: Patient) -> str:
    """A lock that is held is seen to be held, and is free afterwards."""
    if patient.dry_run:
        return "not tried: a dry run writes nothing"
    with lock.held("doctor", job="doctor", run_id=patient.run_id, since="now"):
        if lock.is_free("doctor"):
            raise Misconfigured(f"{lock.path('doctor')}: a held lock looks free", hint="set STATE_DIR to a local disk")
    return str(lock.path("doctor").parent)


def disk_space(_patient: Patient) -> str:
    """There is room for the spool files of a load."""
    folder = settings().state_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    said, hint = f"{free / _GIB:.1f} GiB free at {folder}", "make room, or set STATE_DIR to another disk"
    if free < _LEAST_BYTES:
        raise Misconfigured(said, hint=hint)
    if free < _GOOD_BYTES:
        raise Doubt(said, hint=hint)
    return said


def _file_system(folder: Path) -> str:
    """The type of the file system that holds a folder; empty where there is no table of mounts."""
    if not _MOUNTS.exists():
        return ""
    mounts = [line.split() for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()]
    holding = [(len(parts[1]), parts[2]) for parts in mounts if folder.is_relative_to(parts[1])]
    return max(holding)[1] if holding else ""
