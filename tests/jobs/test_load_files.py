"""Files of every format through `./run load_facts`: the same rows from each of them, nothing new the second time."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.jobs.conftest import Completed

SALE = """\
-- purpose: what they buy
-- owner: me
-- source: files {glob}
-- refresh: incremental, morning
-- key: sale_id
-- tolerate: 1 row
-- column: line = _line

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_id LARGEINT NOT NULL, sold_at DATETIME NULL, price DECIMAL(10, 2) NULL, quantity TINYINT NULL,
    note VARCHAR(20) NULL, line BIGINT NOT NULL
) PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
CSV = """\
note;quantity;price;sold_at;sale_id
'a;b';1;2.50;2026-11-01 10:00:00.5;18446744073709551615
;2;;;2
x;300;1;2026-11-01 10:00:00;3
"""
LINES = """\
{"sale_id": 18446744073709551615, "sold_at": "2026-11-01 10:00:00.5", "price": 2.50, "quantity": 1, "note": "a;b"}
{"sale_id": 2, "sold_at": null, "price": null, "quantity": 2}
{"sale_id": 3, "sold_at": "2026-11-01 10:00:00", "price": 1, "quantity": 300, "note": "x"}
"""


def _csv(path: Path) -> None:
    path.write_text(CSV, encoding="latin-1")


def _lines(path: Path) -> None:
    path.write_bytes(gzip.compress(LINES.encode()))


def _array(path: Path) -> None:
    path.write_text(f"[{','.join(LINES.splitlines())}]", encoding="utf-8")


def _parquet(path: Path) -> None:
    times = pl.Series(["2026-11-01 11:00:00.5", None, "2026-11-01 11:00:00"]).str.to_datetime(time_zone="Europe/Vienna")
    frame = pl.DataFrame(
        {
            "sale_id": pl.Series([2**64 - 1, 2, 3], dtype=pl.UInt64),
            "sold_at": times,
            "price": pl.Series(["2.5", None, "1"]).cast(pl.Decimal(12, 3)),
            "quantity": pl.Series([1, 2, 300], dtype=pl.Int32),
            "note": ["a;b", None, "x"],
        }
    )
    frame.write_parquet(path)


@pytest.mark.parametrize(
    ("name", "write", "dialect", "first"),
    [
        ("s.csv", _csv, '-- dialect: delimiter=";", quote="\'", encoding=latin-1\n', 2),
        ("s.ndjson.gz", _lines, "", 1),
        ("s.json", _array, "", 1),
        ("s.parquet", _parquet, "", 1),
    ],
)
def test_every_format_gives_the_same_rows(
    name: str,
    write: Callable[[Path], None],
    dialect: str,
    first: int,
    warehouse_dir: Callable[..., Path],
    run_job: Callable[..., Completed],
    sql: Callable[..., list[dict[str, Any]]],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    warehouse_dir({"schema/fact_sale.sql": SALE.format(glob="{date}/*").replace("-- key", f"{dialect}-- key")})
    environment["SOURCE_DIR"] = str(tmp_path / "sources")
    folder = tmp_path / "sources" / "2026-11-01"
    folder.mkdir(parents=True)
    write(folder / name)
    assert run_job("migrate").exit_code == 0
    done = run_job("load_facts", "--force")
    assert done.document["rows"] == {"read": 3, "loaded": 2, "repeated": 0, "quarantined": 1, "standing": 0}, done.error
    found = sql("SELECT sale_id, sold_at, price, quantity, note, line FROM fact_sale ORDER BY sale_id")
    assert [(int(row["sale_id"]), str(row["sold_at"]), str(row["price"]), row["note"]) for row in found] == [
        (2, "None", "None", None),
        (2**64 - 1, "2026-11-01 10:00:00.500000", "2.50", "a;b"),
    ]
    assert [row["line"] for row in found] == [first + 1, first]
    (bad,) = sql("SELECT reason, column_name, value, coordinates FROM ops_quarantine")
    place = f"2026-11-01/{name}:{first + 2}"
    assert (bad["reason"], bad["column_name"], bad["value"], bad["coordinates"]) == ("range", "quantity", "300", place)
    assert run_job("load_facts", "--force").document["rows"]["read"] == 0
