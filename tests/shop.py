"""Table files of a shop that tests of loads share: who buys, and the colours of what they buy."""

from __future__ import annotations

CUSTOMER = """\
-- purpose: who buys
-- owner: me
-- source: sql shop: customer
-- refresh: incremental, evening
-- scd: 2
-- key: customer_id
-- watermark: updated_at, customer_id
-- lateness: 1 day
-- column: valid_from = updated_at

CREATE TABLE IF NOT EXISTS dim_customer (
    customer_id INT NOT NULL, valid_from DATETIME NOT NULL, valid_to DATETIME NOT NULL, is_current BOOLEAN NOT NULL,
    region VARCHAR(10) NULL, is_inferred BOOLEAN NOT NULL
) PRIMARY KEY (customer_id, valid_from) DISTRIBUTED BY HASH (customer_id) BUCKETS 1;
"""
COLOUR = """\
-- purpose: colours
-- owner: me
-- source: reference-data/dim_colour.csv
-- refresh: full, evening
-- scd: 1
-- key: colour

CREATE TABLE IF NOT EXISTS dim_colour (colour VARCHAR(10) NOT NULL, hex VARCHAR(7) NULL)
PRIMARY KEY (colour) DISTRIBUTED BY HASH (colour) BUCKETS 1;
"""


def tolerant(text: str, tolerance: str) -> str:
    """The same table file with a `tolerate` line."""
    return text.replace("\n\n", f"\n-- tolerate: {tolerance}\n\n", 1)
