"""A bucket on loopback, as far as an S3 client lists, fetches, puts and deletes: pages, ETags, parts, signed keys."""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

PAGE = 2
SECRET = "the-secret-of-the-bucket"


class Bucket(ThreadingHTTPServer):
    """The files of one bucket by their keys; `asked` is what clients have fetched."""

    daemon_threads = True
    scheme = "s3"
    secret = SECRET

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.key_id = name, "KEYID"
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        # What takes the place of a file after the next listing: somebody writes while somebody reads.
        self.replaced: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to read it."""
        return {
            "AWS_ENDPOINT": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "test",
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def refuse(self) -> None:
        """From now on another key is admitted."""
        self.key_id = "ANOTHER"

    def nowhere(self) -> dict[str, str]:
        """What a client has whose bucket does not answer."""
        return {**self.environment, "AWS_ENDPOINT": "http://127.0.0.1:1"}

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the request names the key; its signature is not looked at."""
        return f"Credential={self.key_id}/" in headers.get("Authorization", "")


@contextmanager
def opened(name: str) -> Iterator[Bucket]:
    """A bucket of S3 without files, for the block."""
    with Bucket(name) as bucket, serving(bucket):
        yield bucket


@contextmanager
def serving(bucket: Bucket) -> Iterator[None]:
    """Answers its clients, for the block."""
    threading.Thread(target=bucket.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        bucket.shutdown()


def repository(bucket: Bucket, name: str, location: str) -> str:
    """The statement that makes a backup repository in the bucket."""
    return (
        f'CREATE REPOSITORY {name} WITH BROKER ON LOCATION "{location}" PROPERTIES ("aws.s3.endpoint" ='
        f' "{bucket.endpoint}", "aws.s3.access_key" = "{bucket.key_id}", "aws.s3.secret_key" = "{SECRET}")'
    )


class _Handler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        query, key = self._asked()
        if key is None:
            return
        if not key:
            self._answer(200, self._page(query))
            self.server.files |= self.server.replaced
            self.server.replaced.clear()
        elif key not in self.server.files:
            self._answer(404, _error("NoSuchKey"))
        elif self.headers.get("If-Match", _etag(self.server.files[key])) != _etag(self.server.files[key]):
            self._answer(412, _error("PreconditionFailed"))
        else:
            self.server.asked.append(key)
            self._answer(200, self.server.files[key], _etag(self.server.files[key]))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        query, key = self._asked()
        if key is None:
            return
        if "partNumber" in query:
            self.server.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
        else:
            self.server.files[key] = body
        self._answer(200, b"", _etag(body))

    def do_POST(self) -> None:
        """Deletes (`?delete`), and the begin (`?uploads`) and the end (`?uploadId=`) of a file that comes in parts."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query, key = self._asked()
        if key is None:
            return
        if "delete" in query:
            names = re.findall("<Key>.*?</Key>", body.decode())
            for name in names:
                self.server.files.pop(unescape(name[5:-6]), None)
            self._answer(200, _xml("DeleteResult", "".join(f"<Deleted>{name}</Deleted>" for name in names)))
        elif "uploads" in query:
            upload = uuid.uuid4().hex
            self.server.parts[upload] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>"))
        else:
            parts = self.server.parts.pop(query["uploadId"][0])
            self.server.files[key] = b"".join(parts[number] for number in sorted(parts))
            tag = escape(_etag(self.server.files[key]))
            self._answer(200, _xml("CompleteMultipartUploadResult", f"<ETag>{tag}</ETag>"))

    def _asked(self) -> tuple[dict[str, list[str]], str | None]:
        """The query, and the key ('' for the bucket itself); no key when the request was refused."""
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        name, _, key = unquote(url.path).lstrip("/").partition("/")
        if not self.server.admits(self.headers):
            self._answer(403, _error("AccessDenied"))
        elif name != self.server.name:
            self._answer(404, _error("NoSuchBucket"))
        else:
            return query, key
        return query, None

    def _page(self, query: dict[str, list[str]]) -> bytes:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        delimiter = query.get("delimiter", [""])[0]
        found = {_entry(key, prefix, delimiter) for key in self.server.files if key.startswith(prefix)}
        entries = sorted(entry for entry in found if entry > after)
        listed = "".join(
            self._file(entry)
            if entry in self.server.files
            else f"<CommonPrefixes><Prefix>{escape(entry)}</Prefix></CommonPrefixes>"
            for entry in entries[:PAGE]
        )
        if len(entries) <= PAGE:
            return _xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{listed}")
        token = f"<NextContinuationToken>{escape(entries[PAGE - 1])}</NextContinuationToken>"
        return _xml("ListBucketResult", f"<IsTruncated>true</IsTruncated>{token}{listed}")

    def _file(self, key: str) -> str:
        data = self.server.files[key]
        return (
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>{escape(_etag(data))}</ETag>"
            "<LastModified>2026-11-01T00:00:00.000Z</LastModified></Contents>"
        )

    def _answer(self, code: int, body: bytes, etag: str = "") -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if etag:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", "Sun, 01 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _entry(key: str, prefix: str, delimiter: str) -> str:
    """What a listing shows of a key: itself, or the folder below the prefix that it is in."""
    folder, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
    return f"{prefix}{folder}{found}" if found else key


def _xml(name: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
