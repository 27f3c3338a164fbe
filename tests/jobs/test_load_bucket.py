"""Files in a bucket through `./run load_facts`: what is new is fetched once, what is wrong is told without a secret."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.bucket_server import Bucket, serving
from tests.jobs.conftest import Completed
from tests.jobs.google_bucket import GoogleBucket

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files SCHEME://shop/sales/{date}/*.csv
-- refresh: incremental, morning
-- key: sale_id

CREATE TABLE IF NOT EXISTS fact_sale (sale_id BIGINT NOT NULL, quantity INT NOT NULL)
PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""


def _google(folder: Path) -> Bucket:
    if not shutil.which("openssl"):
        pytest.skip("the key of a service account is made by openssl")
    return GoogleBucket("shop", folder)


@pytest.fixture(params=["s3", "gs"])
def bucket(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path) -> Iterator[Bucket]:
    with _google(tmp_path) if request.param == "gs" else Bucket("shop") as bucket, serving(bucket):
        environment |= bucket.environment
        yield bucket


@pytest.fixture
def load(
    bucket: Bucket, warehouse_dir: Callable[..., Path], run_job: Callable[..., Completed]
) -> Callable[..., Completed]:
    warehouse_dir({"schema/fact_sale.sql": SALE.replace("SCHEME", bucket.scheme)})
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
    assert [row["part"] for row in parts] == [f"{bucket.scheme}://shop/{day}" for day in sorted(days)]


def test_a_bad_row_is_told_with_its_place_in_the_bucket(
    bucket: Bucket, load: Callable[..., Completed], environment: dict[str, str]
) -> None:
    bucket.files["sales/2026-11-01/x.csv"] = csv(1) + b"2,many\n"
    done = load()
    assert done.exit_code == 1
    assert f"{bucket.scheme}://shop/sales/2026-11-01/x.csv:3: quantity = 'many'" in done.error
    assert not list((Path(environment["STATE_DIR"]) / "spool").glob("f_*"))


def test_a_bucket_that_may_not_be_read_is_told_without_the_secret(
    bucket: Bucket, load: Callable[..., Completed]
) -> None:
    bucket.refuse()
    done = load()
    assert done.exit_code == 78
    assert f"{bucket.scheme}://shop" in done.error
    assert bucket.secret not in done.stdout + done.stderr
    assert "Bearer" not in done.stdout + done.stderr


def test_a_bucket_that_does_not_answer_is_a_service_that_does_not_answer(
    bucket: Bucket, load: Callable[..., Completed], environment: dict[str, str]
) -> None:
    environment |= bucket.nowhere()
    done = load()
    assert done.exit_code == 69
    assert f"{bucket.scheme}://shop" in done.error


def test_a_file_that_is_replaced_while_it_is_fetched_is_left_for_the_next_run(
    bucket: Bucket, load: Callable[..., Completed], sql: Callable[..., list[dict[str, Any]]]
) -> None:
    key = "sales/2026-11-01/x.csv"
    bucket.files[key] = csv(1)
    bucket.replaced[key] = csv(1, 2, 3)
    first = load()
    assert (first.exit_code, first.step("fact_sale")["attempt"]) == (0, 2)
    assert [row["sale_id"] for row in sql("SELECT sale_id FROM fact_sale ORDER BY sale_id")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing.json", None),
        ("broken.json", '{"private_key": "canary4711"'),
        ("wrong.json", '{"private_key": "canary4711", "private_key_id": "1", "client_email": "x"}'),
    ],
)
def test_an_account_that_cannot_be_used_is_told_without_what_is_in_its_file(
    warehouse_dir: Callable[..., Path],
    run_job: Callable[..., Completed],
    environment: dict[str, str],
    tmp_path: Path,
    name: str,
    text: str | None,
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment["GOOGLE_SERVICE_ACCOUNT"] = str(tmp_path / name)
    warehouse_dir({"schema/fact_sale.sql": SALE.replace("SCHEME", "gs")})
    assert run_job("migrate").exit_code == 0
    done = run_job("load_facts", "--force")
    assert done.exit_code == 78
    assert "gs://shop" in done.error
    assert "canary4711" not in done.stdout + done.stderr
