"""How fast the Kafka bridge reads: messages to the load's CSV, beside librdkafka's own consume of the same bytes.

    python -m bench.kafka [--passes 5] [--rounds 3]

The broker is the mock cluster of librdkafka, in this process; it keeps 5 MB a partition, so its partitions are read
several times. Each variant is a process of its own, the variants take turns, and the median of the rounds is told. In
the first, untimed pass every column is added up and compared with what was produced.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from examples.broker import TOPIC, Broker
from examples.trades import Message, produce

PARTITIONS = 8
BYTES_A_PARTITION = 4_300_000
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
FIRST = 1_793_577_600_000
MEGABYTE = 1024


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


def consume() -> Callable[[], int]:
    """librdkafka alone: every message taken as bytes, nothing done with it."""
    from lib.sources import _broker

    def once() -> int:
        count = 0
        for place, low, high in _places():
            with _broker.consumer() as found:
                count += sum(map(len, _broker._messages(found, place, low, high)))
        return count

    return once


def bridge() -> Callable[[], int]:
    """Ours: typed decoding, strict check, the bytes of the load."""
    from lib.loading.conform import conform
    from lib.loading.mapping import SOURCE

    columns = _columns()
    sent = (SOURCE, "_partition", "_offset", "_index", "_timestamp", *NAMES)

    def once() -> int:
        count = 0
        with Path(os.devnull).open("wb") as sink:
            for batch in _batches():
                good, bad = conform(batch, columns, set(columns))
                assert not bad
                good.select(sent).write_csv(
                    sink, include_header=False, separator="\x01", line_terminator="\x02", quote_style="never"
                )
                count += good.height
        return count

    return once


def sums() -> list[int]:
    """The sum of each column as the bridge reads it."""
    import polars as pl

    found = [0] * len(NAMES)
    for batch in _batches():
        row = batch.frame.select(pl.col(*NAMES).cast(pl.Int128).sum()).row(0)
        found = [total + value for total, value in zip(found, row, strict=True)]
    return found


def _batches() -> Iterator[Any]:
    from lib import catalog
    from lib.reading import Known, Window
    from lib.sources import kafka

    known = Known(columns=dict.fromkeys(NAMES, "largeint"))
    for part in kafka.parts(catalog.tables()["fact_trade"], known, Window()):
        yield from part.batches()


def _columns() -> dict[str, Any]:
    from lib.columns import Column

    return {name: Column(name, "largeint", False, False, False, False) for name in NAMES}


def _places() -> list[tuple[Any, int, int]]:
    from lib.sources import _broker
    from lib.sources._records import Place

    with _broker.consumer() as found:
        places = [Place(TOPIC, number) for number in _broker.partitions(found, TOPIC)]
        return [(place, *vars(_broker.bounds(found, place)).values()) for place in places]


VARIANTS = {"librdkafka": consume, "bridge": bridge}


def _child(variant: str, passes: int) -> None:
    found = sums() if variant == "bridge" else []
    once = VARIANTS[variant]()
    once()
    wall, cpu, count = time.perf_counter(), time.process_time(), 0
    for _ in range(passes):
        count += once()
    told = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "count": count,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE,
        "sums": found,
    }
    print(json.dumps(told))


def _run(variant: str, passes: int, servers: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.kafka", "--child", variant, "--passes", str(passes)]
    environment = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers, "STARROCKS_HOST": "127.0.0.1"}
    environment |= {"NIGHTSHIFT_LOG": "json"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    """Fills the broker, measures, prints one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m bench.kafka", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passes", type=int, default=5, help="times that the topic is read (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each variant (default: %(default)s)")
    parser.add_argument("--child", choices=VARIANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _child(arguments.child, arguments.passes)
        return
    made, expected = messages()
    trades = sum(message.value.count(b"{") for message in made)
    with Broker((TOPIC,), PARTITIONS) as broker:
        produce(broker.bootstrap_servers, made)
        rounds: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
        for _ in range(arguments.rounds):
            for variant in VARIANTS:
                rounds[variant].append(_run(variant, arguments.passes, broker.bootstrap_servers))
    assert rounds["bridge"][0]["sums"] == expected, "what was read is not what was produced"
    assert all(turn["count"] == trades * arguments.passes for turn in rounds["bridge"])
    assert all(turn["count"] == len(made) * arguments.passes for turn in rounds["librdkafka"])
    seconds = {name: statistics.median(turn["seconds"] for turn in turns) for name, turns in rounds.items()}
    cpu = {name: statistics.median(turn["cpu_seconds"] for turn in turns) for name, turns in rounds.items()}
    told = {
        "messages": len(made) * arguments.passes,
        "trades": trades * arguments.passes,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "cpu_seconds": {name: round(value, 3) for name, value in cpu.items()},
        "trades_per_second": round(trades * arguments.passes / seconds["bridge"]),
        "times_librdkafka": round(seconds["bridge"] / seconds["librdkafka"], 2),
        "seconds_for_37_million_messages": round(37e6 * seconds["bridge"] / (len(made) * arguments.passes)),
        "peak_megabytes": round(max(turn["megabytes"] for turn in rounds["bridge"])),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
