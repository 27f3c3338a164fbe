# /// script
# dependencies = ["pymysql==1.2.4"]
# [tool.client]
# programs = ["curl"]
# runs = "Stream Load: CSV, JSON, gzip, a label twice, bad rows, passwords, Expect and the redirect, transactions"
# ///
"""curl: Stream Load as StarRocks' documentation writes it."""

import gzip
import json
import subprocess
from typing import Any

from programme import HOST, HTTP_PORT, SCRATCH, check, connect, rows, run

EXPECT = "Expect: 100-continue"
LOAD = "api/load/t/_stream_load"


def curl(*options: str, path: str = LOAD, location: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run curl as root; with `location` it follows the redirect and keeps the password."""
    command = ["curl", "-sS", "-u", "root:", *(["--location-trusted"] if location else []), *options]
    return subprocess.run([*command, f"http://{HOST}:{HTTP_PORT}/{path}"], capture_output=True, timeout=60)


def answer(*options: str, path: str = LOAD) -> dict[str, Any]:
    done = curl(*options, path=path)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def load(body: bytes, *headers: str) -> dict[str, Any]:
    """Load a body from a file, with headers."""
    file = SCRATCH / "body"
    file.write_bytes(body)
    options = [part for header in (EXPECT, *headers) for part in ("-H", header)]
    return answer(*options, "-T", str(file))


def _expect(said: dict[str, Any], status: str, loaded: int) -> None:
    assert (said["Status"], said.get("NumberLoadedRows", 0)) == (status, loaded), said


@check
def csv() -> None:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("create database `load`")
        cursor.execute(
            "create table `load`.t (k int not null, name varchar(20), price decimal(10, 2), day date)"
            " primary key (k) distributed by hash (k)"
        )
    _expect(load("1,a,1.50,2026-01-01\n2,é,\\N,\\N\n".encode(), "column_separator: ,", "label: csv_1"), "Success", 2)
    assert [(k, name, str(price), str(day)) for k, name, price, day in rows("select * from `load`.t order by k")] == [
        (1, "a", "1.50", "2026-01-01"), (2, "é", "None", "None"),
    ]  # fmt: skip


@check
def a_label_is_taken_once() -> None:
    said = load(b"3,c,1,2026-01-01\n", "column_separator: ,", "label: csv_1")
    assert (said["Status"], said["ExistingJobStatus"]) == ("Label Already Exists", "FINISHED"), said
    assert rows("select count(*) from `load`.t") == [(2,)]


@check
def json_rows_and_columns() -> None:
    body = [{"k": 4, "name": "d", "ms": 1767225600000}, {"k": 5, "ms": 1767312000000}]
    said = load(
        json.dumps(body).encode(),
        "format: json",
        "strip_outer_array: true",
        "timezone: UTC",
        "columns: k, name, ms, day = to_date(from_unixtime(ms / 1000))",
    )
    _expect(said, "Success", 2)
    found = [(k, name, str(day)) for k, name, day in rows("select k, name, day from `load`.t where k > 3 order by k")]
    assert found == [(4, "d", "2026-01-01"), (5, None, "2026-01-02")], found


@check
def gzip_bodies() -> None:
    _expect(load(gzip.compress(b"6|f|2|2026-01-06\n"), "format: gzip", "column_separator: |"), "Success", 1)
    packed = gzip.compress(b'{"k": 7, "name": "g"}')
    _expect(load(packed, "format: json", "compression: gzip", "columns: k, name"), "Success", 1)
    assert rows("select k, name from `load`.t where k in (6, 7) order by k") == [(6, "f"), (7, "g")]


@check
def a_bad_row_fails_the_load_and_is_told() -> None:
    said = load(b"8,h,1,2026-01-08\nnine,i,1,2026-01-09\n", "column_separator: ,", "strict_mode: true")
    _expect(said, "Fail", 0)
    assert said["NumberFilteredRows"] == 1 and "too many filtered rows" in said["Message"], said
    log = subprocess.run(["curl", "-sS", said["ErrorURL"]], capture_output=True, timeout=30).stdout.decode()
    assert "nine" in log, log
    _expect(
        load(b"8,h,1,2026-01-08\nnine,i,1,1\n", "column_separator: ,", "strict_mode: true", "max_filter_ratio: 0.5"),
        "Success", 1,
    )  # fmt: skip


@check
def a_wrong_password_is_401() -> None:
    body = SCRATCH / "body"
    done = curl("-u", "root:wrong", "-H", EXPECT, "-T", str(body), "-w", "\n%{http_code}")
    text, _, code = done.stdout.decode().rpartition("\n")
    assert code == "401" and json.loads(text)["status"] == "FAILED", done.stdout


@check
def without_expect_it_is_refused() -> None:
    body = SCRATCH / "body"
    said = answer("-H", "Expect:", "-T", str(body))
    assert said["Status"] == "FAILED" and "There is no 100-continue header" in said["Message"], said


@check
def the_frontend_redirects_to_a_backend() -> None:
    body = SCRATCH / "body"
    options = ("-H", EXPECT, "-T", str(body), "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    done = curl(*options, location=False)
    code, _, place = done.stdout.decode().partition(" ")
    assert code == "307" and place.endswith(f"/{LOAD}") and f":{HTTP_PORT}/" not in place, done.stdout


@check
def the_state_of_a_label() -> None:
    assert answer(path="api/load/get_load_state?label=csv_1")["state"] == "VISIBLE"
    assert answer(path="api/load/get_load_state?label=never")["state"] == "UNKNOWN"


@check
def a_transaction_in_four_requests() -> None:
    common = ("-H", "label: txn_1", "-H", EXPECT, "-H", "db: load", "-H", "table: t")
    body = SCRATCH / "body"
    body.write_bytes(b"20,t,1,2026-01-20\n")
    assert answer("-X", "POST", *common, path="api/transaction/begin")["Status"] == "OK"
    sent = answer(*common, "-H", "column_separator: ,", "-T", str(body), path="api/transaction/load")
    assert sent["Status"] == "OK", sent
    assert answer("-X", "POST", *common, path="api/transaction/prepare")["Status"] == "OK"
    assert rows("select count(*) from `load`.t where k = 20") == [(0,)]
    ended = answer("-X", "POST", *common, path="api/transaction/commit")
    assert ended["Status"] == "OK", ended
    assert rows("select count(*) from `load`.t where k = 20") == [(1,)]


if __name__ == "__main__":
    run()
