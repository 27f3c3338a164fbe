"""The rows that are measured: eleven columns with NULLs, quotes, line ends in text, letters beyond ASCII, u64."""

from __future__ import annotations

from pathlib import Path

import polars as pl

TABLE = """\
-- purpose: the table of the benchmark
-- owner: bench
-- source: files {glob}
-- refresh: incremental, morning
-- key: sale_id

CREATE TABLE IF NOT EXISTS fact_sale (
    sale_id BIGINT NOT NULL, sale_date DATE NOT NULL, sold_at DATETIME NOT NULL, customer_id INT NOT NULL,
    product VARCHAR(20) NOT NULL, quantity INT NOT NULL, price DECIMAL(10, 2) NOT NULL, discount DOUBLE NULL,
    region VARCHAR(20) NOT NULL, note VARCHAR(100) NULL, order_no LARGEINT NOT NULL
) PRIMARY KEY (sale_id) DISTRIBUTED BY HASH (sale_id) BUCKETS 1;
"""
FORMATS = ("csv", "ndjson", "parquet")


def rows(count: int) -> pl.DataFrame:
    """The same rows each time."""
    at = pl.int_range(count, dtype=pl.Int64)
    said = pl.lit('said "yes", then\nleft')
    return pl.select(
        sale_id=at + 9_000_000_000,
        sale_date=pl.lit("2026-11-01").str.to_date() + pl.duration(days=at % 28),
        sold_at=pl.lit("2026-11-01 00:00:00").str.to_datetime() + pl.duration(milliseconds=at * 37 % 2_000_000_000),
        customer_id=at * 7919 % 1_000_003,
        product=pl.format("P-{}", at % 9973),
        quantity=at % 97 + 1,
        price=((at * 31 % 1_000_000) / 100).cast(pl.Decimal(10, 2)),
        discount=pl.when(at % 3 != 0).then((at % 100) / 1000),
        region=pl.when(at % 5 == 0).then(pl.lit("Österreich")).otherwise(pl.lit("north")),
        note=pl.when(at % 50 == 0).then(said).when(at % 4 != 0).then(pl.format("order {} by web", at)),
        order_no=pl.lit(2**64 - 1, pl.UInt64) - at.cast(pl.UInt64),
    )


def write(folder: Path, count: int) -> pl.DataFrame:
    """The rows as sale.csv, sale.ndjson and sale.parquet, each in a folder of its own."""
    made = rows(count)
    for name in FORMATS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    time = pl.col("sold_at").dt.to_string("%Y-%m-%d %H:%M:%S%.3f")
    made.with_columns(time).write_csv(folder / "csv" / "sale.csv")
    plain = made.with_columns(time, pl.col("sale_date").cast(pl.String), pl.col("price").cast(pl.Float64))
    plain.write_ndjson(folder / "ndjson" / "sale.ndjson")
    made.write_parquet(folder / "parquet" / "sale.parquet")
    return made


def sums(frame: pl.DataFrame) -> dict[str, str]:
    """Sums over every column, of the numbers or of the bytes of the text: what a body has to come to."""
    exact = [pl.col(name).cast(pl.Int128).sum() for name in ("sale_id", "customer_id", "quantity", "order_no")]
    texts = [pl.col(name).str.len_bytes().sum() for name in ("product", "region", "note")]
    others = [
        (pl.col("price") * 100).round(0).cast(pl.Int64).sum(),
        (pl.col("discount") * 1000).round(0).cast(pl.Int64).sum(),
        pl.col("sale_date").to_physical().cast(pl.Int64).sum(),
        pl.col("sold_at").to_physical().sum(),
        pl.col("note").is_null().sum().alias("note_nulls"),
        pl.len().alias("rows"),
    ]
    return {name: str(value) for name, value in frame.select(*exact, *texts, *others).row(0, named=True).items()}


def of_body(path: Path) -> pl.DataFrame:
    """The rows of a Stream Load body that was kept: `_row`, `_source`, then the columns in the file's order."""
    names = rows(1).columns
    # polars reads one row a line: separators that no text of ours holds take the place of the protocol's.
    data = path.read_bytes().replace(b"\n", b"\x03").replace(b"\x02", b"\n")
    read = pl.read_csv(
        data,
        has_header=False,
        separator="\x01",
        quote_char=None,
        infer_schema=False,
        null_values="\\N",
        new_columns=["_row", "_source", *names],
    )
    return read.select(
        *(pl.col(name).cast(pl.Int128) for name in ("sale_id", "customer_id", "quantity", "order_no")),
        *(pl.col(name) for name in ("product", "region", "note")),
        pl.col("price").cast(pl.Decimal(10, 2)),
        pl.col("discount").cast(pl.Float64),
        pl.col("sale_date").str.to_date("%Y-%m-%d"),
        pl.col("sold_at").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us"),
    )
