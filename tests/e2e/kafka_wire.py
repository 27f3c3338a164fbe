"""A Kafka broker that has one topic with one partition and keeps transactions apart, for consumers alone.

librdkafka's mock hands aborted records out to everybody; this one does what Kafka's protocol guide says of a fetch with
`isolation_level` 1: records up to the last stable offset, with the list of aborted transactions in them. It speaks one
version of each request, the oldest that has what is needed.
"""

from __future__ import annotations

import socketserver
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from tests.e2e.kafka_log import Log

_PRODUCE, _FETCH, _LIST_OFFSETS, _METADATA, _FIND_COORDINATOR, _API_VERSIONS = 0, 1, 2, 3, 10, 18
# Nobody produces here; but librdkafka believes in batches of version 2 only where they can be produced as well.
_VERSIONS = {_PRODUCE: 3, _FETCH: 4, _LIST_OFFSETS: 2, _METADATA: 1, _FIND_COORDINATOR: 0, _API_VERSIONS: 0}
_UNSUPPORTED_VERSION, _NO_COORDINATOR = 35, 15
_EARLIEST = -2


class _Request:
    """Reads a request from its front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, layout: str) -> tuple[int, ...]:
        """Numbers in the order of the wire."""
        found = struct.unpack_from(">" + layout, self._data, self._at)
        self._at += struct.calcsize(">" + layout)
        return found

    def text(self) -> bytes:
        """A string with its length before it; empty for none."""
        (length,) = self.take("h")
        begin = self._at
        self._at += max(length, 0)
        return self._data[begin : self._at]


class TransactionBroker:
    """A running broker of a topic: `log` is its partition, which a test writes."""

    def __init__(self, topic: str, log: Log) -> None:
        self.log = log
        self._topic = topic.encode()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._port: int = self._server.server_address[1]
        self.bootstrap_servers = f"127.0.0.1:{self._port}"

    def __enter__(self) -> TransactionBroker:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        broker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                # A consumer that has read enough hangs up, whatever it has asked for.
                with suppress(ConnectionError):
                    while size := self.rfile.read(4):
                        answer = broker._answer(_Request(self.rfile.read(struct.unpack(">i", size)[0])))
                        self.wfile.write(struct.pack(">i", len(answer)) + answer)

        return Handler

    def _answer(self, request: _Request) -> bytes:
        kind, version, correlation = request.take("hhi")
        request.text()
        answers: dict[int, Callable[[_Request], bytes]] = {
            _FETCH: self._fetch,
            _LIST_OFFSETS: self._list_offsets,
            _METADATA: self._metadata,
            _FIND_COORDINATOR: lambda _: struct.pack(">hihi", _NO_COORDINATOR, -1, 0, -1),
        }
        known = _VERSIONS.get(kind) == version
        body = answers[kind](request) if kind != _API_VERSIONS else self._versions(known)
        return struct.pack(">i", correlation) + body

    def _versions(self, known: bool) -> bytes:
        """A client that asks in a newer form is told so, and asks again."""
        listed = b"".join(struct.pack(">hhh", kind, version, version) for kind, version in _VERSIONS.items())
        return struct.pack(">hi", 0 if known else _UNSUPPORTED_VERSION, len(_VERSIONS)) + listed

    def _metadata(self, _: _Request) -> bytes:
        host = b"127.0.0.1"
        brokers = struct.pack(">iih", 1, 0, len(host)) + host + struct.pack(">ih", self._port, -1)
        partition = struct.pack(">hiiiiii", 0, 0, 0, 1, 0, 1, 0)
        topic = struct.pack(">h", 0) + self._name() + struct.pack(">bi", 0, 1) + partition
        return brokers + struct.pack(">i", 0) + struct.pack(">i", 1) + topic

    def _list_offsets(self, request: _Request) -> bytes:
        _, committed, _ = request.take("ibi")
        request.text()
        _, partition, at = request.take("iiq")
        end = self.log.stable if committed else self.log.high
        offset = self.log.low if at == _EARLIEST else end
        return struct.pack(">ii", 0, 1) + self._name() + struct.pack(">iihqq", 1, partition, 0, -1, offset)

    def _fetch(self, request: _Request) -> bytes:
        _, wait, _, _, committed, topics = request.take("iiiibi")
        if not topics:
            time.sleep(wait / 1000)
            return struct.pack(">ii", 0, 0)
        request.text()
        _, partition, offset, _ = request.take("iiqi")
        data, aborted = self.log.since(offset, bool(committed))
        if not data:
            time.sleep(min(wait, 50) / 1000)
        listed = b"".join(struct.pack(">qq", *one) for one in aborted)
        head = struct.pack(">iihqqi", 1, partition, 0, self.log.high, self.log.stable, len(aborted))
        return struct.pack(">ii", 0, 1) + self._name() + head + listed + struct.pack(">i", len(data)) + data

    def _name(self) -> bytes:
        return struct.pack(">h", len(self._topic)) + self._topic
