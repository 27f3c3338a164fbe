"""The example's programs through their front door: started as processes, told by signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from confluent_kafka.admin import AdminClient
from filelock import FileLock

from examples.broker import TOPIC

ROOT = Path(__file__).parents[2]


def start(*words: str) -> subprocess.Popen[str]:
    """A program of the examples, with its output in pipes."""
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_broker_says_where_it_is_and_goes_on_sigterm() -> None:
    process = start("examples.broker", "--partitions", "2")
    assert process.stdout is not None
    servers = json.loads(process.stdout.readline())["bootstrap_servers"]
    topic = AdminClient({"bootstrap.servers": servers, "log_level": 3}).list_topics(TOPIC, timeout=10)
    assert sorted(topic.topics[TOPIC].partitions) == [0, 1]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_fill_fills_a_directory_and_says_what_it_did(tmp_path: Path) -> None:
    words = ("--until", "2026-10-03", "--first-day", "2026-10-01", "--scale", "0.05", "--directory", str(tmp_path))
    out, err = start("examples.fill", *words, "--bootstrap-servers", "").communicate(timeout=30)
    assert json.loads(out)["files"] == 3, err
    assert {path.name for path in tmp_path.iterdir()} == {"sales", "shop.db", "exchange.db"}
    out, err = start("examples.fill", *words, "--bootstrap-servers", "").communicate(timeout=30)
    assert json.loads(out)["files"] == 0, err


def test_the_demo_does_not_empty_a_directory_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    process = start("examples.demo", "--directory", str(tmp_path))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "files that are not the demo's" in err
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


def test_two_demos_do_not_share_a_directory(tmp_path: Path) -> None:
    with FileLock(tmp_path / "demo.lock"):
        process = start("examples.demo", "--directory", str(tmp_path / "demo"))
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "another demo runs there" in err
    assert not (tmp_path / "demo").exists()
