"""The Kafka bridge beside librdkafka: the same messages read by both, ours checked, encoded and sent to the sink.

The broker is the mock cluster of librdkafka, in the benchmark's process; it keeps 5 MB a partition, so the partitions
are few and each process reads them several times: what counts is its last pass, without its start. What arrives at the
sink in a run of its own is added up by column and compared with what was produced.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from random import Random

import polars as pl

from bench import processes
from bench.report import Found
from emulator.server import Server
from examples.broker import TOPIC, Broker
from examples.trades import Message, produce

PARTITIONS = 8
PASSES = 3
BYTES_A_PARTITION = 4_300_000
FIRST = 1_793_577_600_000
NAMES = (
    "trade_id",
    "match_seq",
    "buy_order_id",
    "sell_order_id",
    "buy_user_id",
    "sell_user_id",
    "price",
    "quantity",
)


def measure(folder: Path, server: Server, found: Found, runs: int) -> None:
    """Adds the variants `librdkafka` and `kafka` to what was found."""
    made, expected = messages()
    found.messages, found.trades = len(made), sum(message.value.count(b"{") for message in made)
    # The table as it is, without the dimensions that it refers to.
    text = (processes.REPOSITORY / "schema" / "fact_trade.sql").read_text(encoding="utf-8")
    alone = "".join(line for line in text.splitlines(True) if not re.match(r"-- (infer|check):", line))
    environment = processes.environment(folder, server, "kafka", {"fact_trade": alone})
    processes.job(environment, "migrate")
    with Broker((TOPIC,), PARTITIONS) as broker:
        produce(broker.bootstrap_servers, made)
        environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        kept = folder / "kept"
        with processes.sink(kept) as port:
            processes.client(environment, port, "fact_trade")
        came = _sums(kept)
        found.wrong["kafka"] = [name for name, one, other in zip(NAMES, came, expected, strict=True) if one != other]
        kept.unlink()
        with processes.sink() as port:
            for _ in range(runs):
                found.add("librdkafka", _librdkafka(environment))
                told = processes.client(environment, port, "fact_trade", "--passes", str(PASSES))[1]
                assert (told["rows"], told["rejects"]) == (found.trades, 0), told
                found.add("kafka", told["seconds"])
                found.peak["kafka"] = max(found.peak.get("kafka", 0), int(told["peak_mb"]))


def messages() -> tuple[list[Message], list[int]]:
    """Messages of 1 to 5 trades, many of 1, and the sum of each column; half of the ids are above 2^63."""
    chance = Random(1)
    found: list[Message] = []
    sums, size, number = [0] * len(NAMES), 0, 2**63 - 50_000
    while size < PARTITIONS * BYTES_A_PARTITION:
        trades = []
        for _ in range(min(chance.randint(1, 5), chance.randint(1, 5))):
            number += 1
            values = (number, number - 2**62, *(chance.randrange(10**8) for _ in NAMES[2:]))
            sums = [total + value for total, value in zip(sums, values, strict=True)]
            trades.append(dict(zip(NAMES, values, strict=True)))
        raw = json.dumps(trades, separators=(",", ":")).encode()
        size += len(raw) + 70
        found.append(Message(FIRST + len(found), raw))
    return found, sums


def _sums(kept: Path) -> list[int]:
    """The sum of each column as it came to the sink: after the row's number, its place and its lineage."""
    data = kept.read_bytes().replace(b"\x02", b"\n")
    frame = pl.read_csv(data, has_header=False, separator="\x01", quote_char=None, infer_schema=False)
    found = frame.select(pl.col(frame.columns[-len(NAMES) :]).cast(pl.Int128).sum())
    return [int(value) for value in found.row(0)]


def _librdkafka(environment: dict[str, str]) -> float:
    """Seconds of the last pass of librdkafka alone: every message taken, nothing done with it."""
    return float(processes.module(environment, "bench.kafka"))


def main() -> None:
    """Takes every message by librdkafka's consumer, with the settings of the bridge."""
    from lib.sources._kafka import broker
    from lib.sources._kafka.records import Place

    with broker.consumer() as asking:
        places = [Place(TOPIC, number) for number in broker.partitions(asking, TOPIC)]
        bounds = [(place, broker.bounds(asking, place)) for place in places]
    for _ in range(PASSES):
        begun = time.perf_counter()
        for place, bound in bounds:
            with broker.consumer() as taking:
                for _messages in broker._messages(taking, place, bound.low, bound.high):
                    pass
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
