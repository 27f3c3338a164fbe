"""A repository in a bucket that speaks S3: `s3://bucket/path` or `s3a://bucket/path`.

The properties are StarRocks': `aws.s3.access_key`, `aws.s3.secret_key`, `aws.s3.session_token`, `aws.s3.region`,
`aws.s3.endpoint`, `aws.s3.enable_ssl` (true) and `aws.s3.enable_path_style_access` (false; an address of numbers is
asked so in any case), or `fs.s3a.access.key`, `fs.s3a.secret.key`, `fs.s3a.endpoint`. As in StarRocks an endpoint's own
http:// or https:// goes before `enable_ssl`, and a property that nobody knows is no error. Sources:
docs/en/sql-reference/sql-statements/backup_restore/CREATE_REPOSITORY.md,
java-extensions/hadoop-ext/src/main/java/com/starrocks/connector/share/credential/CloudConfigurationConstants.java.

Nothing of the server's own environment is used: who may read the bucket is said by the statement alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.backup.store import StoreError
from emulator.errors import unsupported

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

SCHEMES = ("s3", "s3a")
DEFAULT_REGION = "us-east-1"
_CHUNK = 8 * 1024 * 1024
_CONNECT = timedelta(seconds=5)
_TIMEOUT = timedelta(seconds=60)


class Bucket:
    """The `Store` below a path of a bucket."""

    def __init__(self, location: str, folder: str, properties: Mapping[str, str]) -> None:
        parts = urlsplit(location)
        self._root = f"{parts.path.strip('/')}/{folder}".lstrip("/")
        self._store = _opened(parts.netloc, location, properties)

    def names(self, folder: str) -> list[str]:
        from obstore import list_with_delimiter

        place = f"{self._root}/{folder}".rstrip("/")
        with _told(place):
            found = list_with_delimiter(self._store, place)
        keys = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        return [key.rstrip("/").rpartition("/")[2] for key in keys]

    def read(self, name: str) -> bytes | None:
        from obstore import get

        key = f"{self._root}/{name}"
        with _told(key):
            try:
                return bytes(get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        from obstore import put

        with _told(f"{self._root}/{name}"):
            put(self._store, f"{self._root}/{name}", data)

    def upload(self, source: Path, name: str) -> None:
        from obstore import put

        with _told(f"{self._root}/{name}"):
            put(self._store, f"{self._root}/{name}", source)

    def download(self, name: str, target: Path) -> None:
        from obstore import get

        with _told(f"{self._root}/{name}"), target.open("wb") as file:
            for chunk in get(self._store, f"{self._root}/{name}").stream(min_chunk_size=_CHUNK):
                file.write(chunk)

    def delete(self, names: list[str]) -> None:
        from obstore import delete

        for name in names:
            with _told(f"{self._root}/{name}"):
                try:
                    delete(self._store, f"{self._root}/{name}")
                except FileNotFoundError:
                    continue


def _opened(bucket: str, location: str, properties: Mapping[str, str]) -> S3Store:
    """The bucket's client. Raises 1235 without keys, or when the library is not installed; asks nobody yet."""
    given = {name.lower(): value for name, value in properties.items()}
    key = given.get("aws.s3.access_key") or given.get("fs.s3a.access.key")
    secret = given.get("aws.s3.secret_key") or given.get("fs.s3a.secret.key")
    if not key or not secret:
        raise unsupported(f"REPOSITORY on LOCATION {location!r} without aws.s3.access_key and aws.s3.secret_key")
    credential: S3Credential = {"access_key_id": key, "secret_access_key": secret, "expires_at": None}
    credential["token"] = given.get("aws.s3.session_token") or None
    endpoint, hosted = _endpoint(bucket, given)
    try:
        from obstore.store import S3Store
    except ImportError:
        raise unsupported(f"REPOSITORY on LOCATION {location!r} without the package obstore") from None
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=given.get("aws.s3.region") or DEFAULT_REGION,
        virtual_hosted_style_request=hosted,
        credential_provider=lambda: credential,
        client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": _CONNECT, "timeout": _TIMEOUT},
        retry_config={"max_retries": 2, "retry_timeout": _TIMEOUT},
    )


def _endpoint(bucket: str, given: Mapping[str, str]) -> tuple[str, bool]:
    """Where to ask, and whether the bucket is part of the host's name."""
    region = given.get("aws.s3.region") or DEFAULT_REGION
    text = given.get("aws.s3.endpoint") or given.get("fs.s3a.endpoint") or f"s3.{region}.amazonaws.com"
    if "://" not in text:
        text = f"{'http' if given.get('aws.s3.enable_ssl', '').lower() == 'false' else 'https'}://{text}"
    parts = urlsplit(text)
    if given.get("aws.s3.enable_path_style_access", "").lower() == "true" or _is_address(parts.hostname or ""):
        return text.rstrip("/"), False
    return f"{parts.scheme}://{bucket}.{parts.netloc}", True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What the library says, without what it adds about its own types; it names no secret."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        said = re.sub(r"\s+", " ", str(error).partition("Debug source:")[0])[:600].strip()
        raise StoreError(f"{name}: {said}") from None
