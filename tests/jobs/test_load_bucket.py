"""Files in a bucket through `./run load_facts`: what is new is fetched once, what is wrong is told without a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.bucket_server import Bucket, opened
from tests.jobs.conftest import Completed

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files s3://shop/sales/{date}/*.csv
-- refresh: incremental, morning
-- key: sale_id

CREATE TABLE IF NOT EXISTS fact_sale (sale_id BIGINT NOT NULL, quantity INT NOT NULL)
PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""


@pytest.fixture(autouse=True)
def bucket(environment: dict[str, str]) -> Iterator[Bucket]:
    with opened("shop") as bucket:
        environment |= bucket.environment
        yield bucket


@pytest.fixture
def load(warehouse_dir: Callable[..., Path], run_job: Callable[..., Completed]) -> Callable[..., Completed]:
    warehouse_dir({"schema/fact_sale.sql": SALE})
    assert run_job("migrate").exit_code == 0
    return lambda *args: run_job("load_facts", "--force", *args)


def csv(*numbers: int) -> bytes:
    return b"sale_id,quantity\n" + b"".join(b"%d,1\n" % number for number in numbers)


def test_new_files_are_fetched_once_and_in_the_order_of_their_keys(
    bucket: Bucket, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    days = [f"sales/2026-11-{day:02}/a b&c.csv" for day in (3, 1, 2)]
    bucket.files |= {day: csv(number) for number, day in enumerate(days)}
    others = ("sales/2026-11-01/x.txt", "sales/2026-11-01/deeper/x.csv", "sales/old/x.csv", "salesman/2026-11-01/x.csv")
    bucket.files |= dict.fromkeys(others, csv(99))
    assert load().document["rows"]["loaded"] == 3
    assert bucket.asked == sorted(days)
    assert load().document["rows"]["read"] == 0
    assert bucket.asked == sorted(days), "known files are not fetched again"
    bucket.files[days[0]] = csv(0, 7)
    assert load().document["rows"] == {"read": 2, "loaded": 1, "repeated": 1, "quarantined": 0, "standing": 0}
    parts = sql("SELECT DISTINCT part FROM ops_load WHERE target = 'fact_sale' ORDER BY part")
    assert [row["part"] for row in parts] == [f"s3://shop/{day}" for day in sorted(days)]


def test_a_bad_row_is_told_with_its_place_in_the_bucket(
    bucket: Bucket, load: Callable[..., Completed], environment: dict[str, str]
) -> None:
    bucket.files["sales/2026-11-01/x.csv"] = csv(1) + b"2,many\n"
    done = load()
    assert done.exit_code == 1
    assert "s3://shop/sales/2026-11-01/x.csv:3: quantity = 'many'" in done.error
    assert not list((Path(environment["STATE_DIR"]) / "spool").glob("f_*"))


def test_a_bucket_that_may_not_be_read_is_told_without_the_secret(
    bucket: Bucket, load: Callable[..., Completed]
) -> None:
    bucket.key_id = "ANOTHER"
    done = load()
    assert done.exit_code == 78
    assert "s3://shop" in done.error
    assert "the-secret-of-the-bucket" not in done.error


def test_a_bucket_that_does_not_answer_is_a_service_that_does_not_answer(
    load: Callable[..., Completed], environment: dict[str, str]
) -> None:
    environment["AWS_ENDPOINT"] = "http://127.0.0.1:1"
    environment["RETRY_SECONDS"] = "0"
    done = load()
    assert done.exit_code == 69
    assert "s3://shop" in done.error
