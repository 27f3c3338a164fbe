"""A Kafka broker for one machine: librdkafka's mock cluster, held by this process.

`python -m examples.broker` serves one. It speaks the real protocol to any client on this host and keeps the
timestamps of records. Not for keeping data: it is in memory, with 5 MB a partition (older messages go).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import signal
import threading
from pathlib import Path
from types import TracebackType

import confluent_kafka

TOPIC = "trade.history"

_PRODUCER = 0
_ERROR_BYTES = 512


class BrokerFailed(Exception):
    """The mock cluster did not start, or refused a topic."""


def _librdkafka() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka brought along, with the few functions that are used here.

    They are those of rdkafka.h and rdkafka_mock.h. Python's client can start a mock cluster, but not tell it
    how many partitions a topic has.
    """
    site = Path(confluent_kafka.__file__).parent
    bundled = sorted((*site.parent.glob("confluent_kafka.libs/librdkafka*"), *site.glob(".dylibs/librdkafka*")))
    library = ctypes.CDLL(str(bundled[0]) if bundled else "librdkafka.so.1")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, ()),
        ("rd_kafka_conf_set", number, (pointer, text, text, text, ctypes.c_size_t)),
        ("rd_kafka_new", pointer, (number, pointer, text, ctypes.c_size_t)),
        ("rd_kafka_handle_mock_cluster", pointer, (pointer,)),
        ("rd_kafka_mock_topic_create", number, (pointer, text, number, number)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_destroy", None, (pointer,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Broker:
    """A running broker: `with Broker(partitions=4) as broker: broker.bootstrap_servers`."""

    def __init__(self, topics: tuple[str, ...] = (TOPIC,), partitions: int = 4) -> None:
        self.topics = topics
        self.partitions = partitions
        self.bootstrap_servers = ""
        self._library = _librdkafka()
        self._handle: int | None = None

    def start(self) -> None:
        """Starts the broker on a free port of 127.0.0.1 and creates the topics; raises `BrokerFailed`."""
        told = ctypes.create_string_buffer(_ERROR_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        for key, value in ((b"test.mock.num.brokers", b"1"), (b"log_level", b"3")):
            if self._library.rd_kafka_conf_set(configuration, key, value, told, _ERROR_BYTES):
                raise BrokerFailed(f"mock cluster: {key.decode()}: {told.value.decode()}")
        self._handle = self._library.rd_kafka_new(_PRODUCER, configuration, told, _ERROR_BYTES)
        if not self._handle:
            raise BrokerFailed(f"mock cluster: {told.value.decode()}")
        cluster = self._library.rd_kafka_handle_mock_cluster(self._handle)
        for topic in self.topics:
            code = self._library.rd_kafka_mock_topic_create(cluster, topic.encode(), self.partitions, 1)
            if code:
                self.stop()
                raise BrokerFailed(f"mock cluster: topic {topic} with {self.partitions} partitions: error {code}")
        self.bootstrap_servers = self._library.rd_kafka_mock_cluster_bootstraps(cluster).decode()

    def stop(self) -> None:
        """Stops the broker; its messages are gone."""
        if self._handle:
            self._library.rd_kafka_destroy(self._handle)
            self._handle = None

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def main() -> None:
    """Serves until SIGTERM or SIGINT; prints where, as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m examples.broker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--topic", default=TOPIC, help="topic to create (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=4, help="its partitions (default: %(default)s)")
    arguments = parser.parse_args()
    over = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    with Broker((arguments.topic,), arguments.partitions) as broker:
        print(json.dumps({"bootstrap_servers": broker.bootstrap_servers}), flush=True)
        over.wait()


if __name__ == "__main__":
    main()
