"""Stream Load across kill -9: an acknowledged load is there, and a retry by the same label doubles nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pymysql
import requests

from tests.emulator.loading import AUTH, wait_for

ROOT = Path(__file__).parents[2]
ROWS = 2000


def start(data: Path) -> tuple[subprocess.Popen[str], dict[str, int]]:
    """A server process and its ports."""
    command = [sys.executable, "-m", "emulator", "--data", str(data)]
    command += ["--mysql-port", "0", "--http-port", "0", "--be-http-port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def put(ports: dict[str, int], number: int) -> str:
    """Load batch `number` under its own label; give the status."""
    body = "".join(f"{number * ROWS + at},{number}\n" for at in range(ROWS))
    url = f"http://127.0.0.1:{ports['be_http_port']}/api/d/t/_stream_load"
    headers = {"Expect": "100-continue", "label": f"batch-{number}", "column_separator": ","}
    return str(requests.put(url, headers=headers, auth=AUTH, data=body, timeout=20).json()["Status"])


def sql(ports: dict[str, int], *statements: str) -> list[tuple[int, ...]]:
    connection = pymysql.connect(host="127.0.0.1", port=ports["mysql_port"], user="root", autocommit=True)
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def test_kill_9_in_the_middle_of_loads(tmp_path: Path) -> None:
    process, ports = start(tmp_path)
    sql(ports, "create database d", "create table d.t (k int, b int) duplicate key (k) distributed by hash (k)")
    acknowledged: list[int] = []

    def load_on() -> None:
        try:
            for number in range(1000):
                if put(ports, number) == "Success":
                    acknowledged.append(number)
        except requests.RequestException:
            return

    loader = threading.Thread(target=load_on)
    loader.start()
    wait_for(lambda: len(acknowledged), lambda count: count >= 5)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    loader.join(20)
    process, ports = start(tmp_path)
    try:
        assert list((tmp_path / "spool").iterdir()) == []
        counts = dict(sql(ports, "select b, count(*) from d.t group by b"))
        assert set(counts.values()) == {ROWS}, "a load is there as a whole or not at all"
        assert set(acknowledged) <= set(counts)
        last = len(acknowledged)
        for number in range(last + 1):
            assert put(ports, number) == ("Label Already Exists" if number in counts else "Success")
        assert sql(ports, "select count(*), count(distinct k) from d.t") == [((last + 1) * ROWS, (last + 1) * ROWS)]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
