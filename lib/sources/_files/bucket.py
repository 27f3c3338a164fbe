"""Files in a bucket, `s3://bucket/glob` or `gs://bucket/glob`: listed by their keys, fetched to the spool to be read.

Who may read is said by the environment, as the makers of the bucket have it: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION, AWS_ENDPOINT, GOOGLE_SERVICE_ACCOUNT ..., or by the role of the host. The one module that imports obstore.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lib.errors import Misconfigured, Told, Unavailable
from lib.settings import settings
from lib.sources._files.opened import DISK_LEFT

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "gs://")
_CHUNK = 8 * 1024 * 1024
_PATIENCE = timedelta(seconds=60)
_SETTINGS = "see the bucket's settings in the environment: AWS_..., or GOOGLE_SERVICE_ACCOUNT, the path of a file"


@dataclass(frozen=True)
class Object:
    """A file of a bucket as it was listed. `version`: the store's hash of its bytes (ETag)."""

    store: ObjectStore
    name: str
    key: str
    size: int
    version: str

    @property
    def content(self) -> str:
        """What tells its content from others, without having read it."""
        return f"{self.version} {self.size}"

    @contextmanager
    def fetched(self) -> Iterator[Path]:
        """Its bytes as a file, for the block. Raises `Unavailable` when it cannot be had, or is another one by now."""
        spool = settings().state_dir / "spool" / f"f_{uuid.uuid4().hex}_{Path(self.key).name[-80:]}"
        spool.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(spool.parent).free < self.size + DISK_LEFT:
            raise Misconfigured(
                f"{self.name}: no room for its {self.size:,} bytes", hint="STATE_DIR needs a larger disk"
            )
        try:
            with spool.open("wb") as file:
                self._fetch(file)
            yield spool
        finally:
            spool.unlink(missing_ok=True)

    def _fetch(self, file: BinaryIO) -> None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            got = obstore.get(self.store, self.key, options={"if_match": self.version})
            for chunk in got.stream(min_chunk_size=_CHUNK):
                file.write(chunk)
        except (BaseError, OSError) as error:
            raise _told(self.name, error) from None
        if file.tell() != self.size:
            raise Unavailable(f"{self.name}: {file.tell():,} of {self.size:,} bytes came", hint="run the job again")


def listed(glob: str) -> list[Object]:
    """The files whose keys fit the glob, in the order of their keys; `*` and `?` stop at a `/`, `**` does not.

    Raises `Misconfigured` for a bucket that is not there or may not be read, `Unavailable` when nobody answers.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError:
        raise Misconfigured(f"{glob}: reading buckets needs the package obstore", hint="make install") from None
    scheme, _, rest = glob.partition("://")
    bucket, _, pattern = rest.partition("/")
    fits = re.compile(_expression(pattern))
    try:
        store = from_url(f"{scheme}://{bucket}", retry_config={"max_retries": 3, "retry_timeout": _PATIENCE})
    except (BaseError, OSError, ValueError) as error:
        # Nobody has been asked yet: a setting, or the file of an account.
        raise Misconfigured(f"{scheme}://{bucket}: {_said(error)}", hint=_SETTINGS) from None
    try:
        found = [
            Object(store, f"{scheme}://{bucket}/{meta['path']}", meta["path"], meta["size"], meta["e_tag"] or "")
            for page in store.list(_prefix(pattern) or None)
            for meta in page
            if fits.fullmatch(meta["path"])
        ]
    except (BaseError, OSError, ValueError) as error:
        raise _told(f"{scheme}://{bucket}", error) from None
    return sorted(found, key=lambda each: each.key)


def _prefix(pattern: str) -> str:
    """The folders of a glob before the first that is not named exactly."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]


def _expression(pattern: str) -> str:
    """A glob as a regular expression."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meant.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)


def _said(error: Exception) -> str:
    """What the library says, without what it adds about its own types; it names no secret."""
    return re.sub(r"\s+", " ", str(error).partition("Debug source:")[0])[:300].strip()


def _told(name: str, error: Exception) -> Told:
    said = _said(error)
    refused = re.search(r"code: 40[0134]\b", said)
    if type(error).__name__ in ("GenericError", "OSError", "PreconditionError") and not refused:
        return Unavailable(f"{name}: {said}", hint="./run doctor", service=name.partition("://")[0])
    return Misconfigured(f"{name}: {said}", hint="is the bucket's name right, and may these credentials read it?")
