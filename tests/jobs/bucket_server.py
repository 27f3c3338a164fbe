"""A bucket on loopback, as far as an S3 client lists and fetches: pages of keys, ETags, If-Match, signed requests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 2


class Bucket(ThreadingHTTPServer):
    """The files of one bucket by their keys; `asked` is what clients have fetched."""

    daemon_threads = True

    def __init__(self, name: str, key_id: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.key_id = name, key_id
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to read it."""
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self.server_address[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "test",
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-bucket",
        }


@contextmanager
def opened(name: str) -> Iterator[Bucket]:
    """A bucket without files, for the block."""
    with Bucket(name, "KEYID") as bucket:
        thread = threading.Thread(target=bucket.serve_forever, daemon=True)
        thread.start()
        yield bucket
        bucket.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        name, _, key = unquote(url.path).lstrip("/").partition("/")
        if f"Credential={self.server.key_id}/" not in self.headers.get("Authorization", ""):
            self._answer(403, _error("AccessDenied"))
        elif name != self.server.name:
            self._answer(404, _error("NoSuchBucket"))
        elif not key:
            self._answer(200, self._page(parse_qs(url.query)))
        elif key not in self.server.files:
            self._answer(404, _error("NoSuchKey"))
        elif self.headers.get("If-Match", _etag(self.server.files[key])) != _etag(self.server.files[key]):
            self._answer(412, _error("PreconditionFailed"))
        else:
            self.server.asked.append(key)
            self._answer(200, self.server.files[key], _etag(self.server.files[key]))

    def _page(self, query: dict[str, list[str]]) -> bytes:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        keys = sorted(key for key in self.server.files if key.startswith(prefix) and key > after)
        more = f"<NextContinuationToken>{escape(keys[PAGE - 1])}</NextContinuationToken>" if len(keys) > PAGE else ""
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.files[key])}</Size>"
            f"<ETag>{escape(_etag(self.server.files[key]))}</ETag>"
            "<LastModified>2026-11-01T00:00:00.000Z</LastModified></Contents>"
            for key in keys[:PAGE]
        )
        truncated = "true" if more else "false"
        body = f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{found}</ListBucketResult>"
        return f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()

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


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
