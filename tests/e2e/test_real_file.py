"""A real file of a shop, as it circulates: every line of it ends in the table, in quarantine, or is a repeat."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from emulator.server import Server
from tests.e2e.small import REPOSITORY, Small, zygote

NAME = "online-retail-2010-12.csv"
DATA = REPOSITORY.parent / "shared" / "data"
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
LONGEST = 32

pytestmark = pytest.mark.skipif(not (DATA / NAME).is_file(), reason=f"{NAME} does not stand beside the checkout")

CUSTOMER = """\
-- purpose: who buys; known from invoices alone
-- owner: me
-- source: files customers/*.csv
-- refresh: incremental, evening
-- scd: 1
-- key: customer_id

CREATE TABLE IF NOT EXISTS dim_customer (customer_id INT NOT NULL, is_inferred BOOLEAN NOT NULL)
PRIMARY KEY (customer_id) DISTRIBUTED BY HASH (customer_id) BUCKETS 1;
"""
# An invoice may have several equal lines: the line of the file is the one thing that tells them apart.
LINE = f"""\
-- purpose: every line, as it is printed
-- owner: me
-- source: files {NAME}
-- refresh: incremental, morning
-- key: line_no
-- tolerate: 1 row
-- infer: dim_customer.customer_id
-- column: line_no = _line
-- column: invoice_no = InvoiceNo
-- column: sold_on = to_date(str_to_date(InvoiceDate, '%m/%d/%y %H:%i'))
-- column: sold_at = str_to_date(InvoiceDate, '%m/%d/%y %H:%i')
-- column: customer_id = CAST(CustomerID AS INT)
-- column: amount = CAST(Quantity AS DECIMAL(10,0)) * CAST(UnitPrice AS DECIMAL(18,4))
-- column: is_cancelled = InvoiceNo LIKE 'C%'
-- check: CRITICAL references(customer_id, dim_customer.customer_id)
-- check: CRITICAL between(UnitPrice, 0, 100000)

CREATE TABLE IF NOT EXISTS fact_line (
    sold_on DATE NOT NULL, line_no INT NOT NULL, invoice_no VARCHAR(7) NOT NULL, StockCode VARCHAR(20) NOT NULL,
    Description VARCHAR(100) NULL, Quantity INT NOT NULL, UnitPrice DECIMAL(18,4) NOT NULL, sold_at DATETIME NOT NULL,
    customer_id INT NULL, amount DECIMAL(28,4) NOT NULL, is_cancelled BOOLEAN NOT NULL, Country VARCHAR(40) NOT NULL
) PRIMARY KEY (sold_on, line_no) PARTITION BY date_trunc('day', sold_on)
DISTRIBUTED BY HASH (line_no) BUCKETS 1;
"""
# The first line of an article in an invoice; the others repeat it. Long descriptions do not fit.
ARTICLE = f"""\
-- purpose: which articles an invoice has
-- owner: me
-- source: files {NAME}
-- refresh: incremental, morning
-- key: InvoiceNo, StockCode
-- tolerate: 20%
-- column: first_line = _line

CREATE TABLE IF NOT EXISTS fact_article (
    InvoiceNo VARCHAR(7) NOT NULL, StockCode VARCHAR(20) NOT NULL, Description VARCHAR({LONGEST}) NULL,
    first_line INT NOT NULL
) PRIMARY KEY (InvoiceNo, StockCode) DISTRIBUTED BY HASH (InvoiceNo) BUCKETS 1;
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("real")
    with Server(data=folder / "server") as server, zygote(folder) as seed:
        made = Small(folder, server, seed, "dw")
        for name, text in (("dim_customer", CUSTOMER), ("fact_line", LINE), ("fact_article", ARTICLE)):
            made.write(f"warehouse/schema/{name}.sql", text)
        made.environment["SOURCE_DIR"] = str(DATA)
        made.run("migrate")
        yield made


def _lines(path: Path) -> dict[int, list[str]]:
    """The file by the module csv alone: line number -> fields."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        assert tuple(next(reader)) == COLUMNS
        return dict((reader.line_num, fields) for fields in reader)  # noqa: C402  # the number changes with each row


def test_every_line_of_a_real_file_is_accounted_for(small: Small) -> None:
    lines = _lines(DATA / NAME)
    whole = {number: dict(zip(COLUMNS, fields, strict=True)) for number, fields in lines.items() if len(fields) == 8}
    torn = sorted(set(lines) - set(whole))
    done = small.run("load_facts", "--force", expect=(3,))

    ledger = {row["target"]: row for row in small.sql("SELECT * FROM ops_load")}
    for row in ledger.values():
        assert row["rows_read"] == len(lines)
        assert row["rows_read"] == row["rows_loaded"] + row["rows_repeated"] + row["rows_quarantined"]
    assert done.document["rows"]["read"] == 2 * len(lines)

    loaded = {row["line_no"]: row for row in small.sql("SELECT * FROM fact_line")}
    assert set(loaded) == set(whole)
    kept = small.sql("SELECT target, coordinates, reason FROM ops_quarantine WHERE target = 'fact_line'")
    assert [(row["coordinates"], row["reason"]) for row in kept] == [(f"{NAME}:{line}", "columns") for line in torn]
    for number, fields in whole.items():
        row = loaded[number]
        assert (row["StockCode"], row["Description"] or "", row["Country"]) == (
            fields["StockCode"],
            fields["Description"],
            fields["Country"],
        )
        assert row["amount"] == int(fields["Quantity"]) * Decimal(fields["UnitPrice"])
        assert bool(row["is_cancelled"]) == fields["InvoiceNo"].startswith("C")
        assert str(row["customer_id"] or "") == fields["CustomerID"]
        month, day, rest = fields["InvoiceDate"].split("/")
        year, clock = rest.split(" ")
        assert f"{row['sold_at']:%y %H:%M}" == f"{year} {clock.zfill(5)}"
        assert (row["sold_at"].month, row["sold_at"].day) == (int(month), int(day))
    (sums,) = small.sql("SELECT sum(Quantity) AS quantity, sum(amount) AS amount FROM fact_line")
    assert int(sums["quantity"]) == sum(int(fields["Quantity"]) for fields in whole.values())
    amount = sum(int(fields["Quantity"]) * Decimal(fields["UnitPrice"]) for fields in whole.values())
    assert sums["amount"] == amount
    known = {fields["CustomerID"] for fields in whole.values()} - {""}
    assert {str(row["customer_id"]) for row in small.sql("SELECT customer_id FROM dim_customer")} == known
    assert any(f"{len(known):,} unknown members" in note for note in done.document["notes"])

    fitting = {number: fields for number, fields in whole.items() if len(fields["Description"].encode()) <= LONGEST}
    first: dict[tuple[str, str], int] = {}
    for number, fields in fitting.items():
        first.setdefault((fields["InvoiceNo"], fields["StockCode"]), number)
    articles = small.sql("SELECT InvoiceNo, StockCode, first_line FROM fact_article")
    assert {(row["InvoiceNo"], row["StockCode"]): row["first_line"] for row in articles} == first
    assert ledger["fact_article"]["rows_repeated"] == len(fitting) - len(first)
    assert ledger["fact_article"]["rows_quarantined"] == len(lines) - len(fitting)

    again = small.run("load_facts", "--force")
    assert again.document["rows"]["read"] == 0
