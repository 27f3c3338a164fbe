-- purpose:   fees of each tier, kept by hand
-- source:    reference-data/dim_fee_tier.csv
-- owner:     exchange-operations
-- refresh:   full, evening
-- scd:       1
-- key:       tier
-- watermark: file content
-- check:     CRITICAL unique(tier)
-- check:     CRITICAL between(taker_fee_bps, 0, 100)

CREATE TABLE IF NOT EXISTS dim_fee_tier (
    tier          VARCHAR(10)  NOT NULL COMMENT "Tier as the exchange names it",
    maker_fee_bps DECIMAL(6,2) NOT NULL COMMENT "Fee of the resting order, basis points of notional; negative: a rebate",
    taker_fee_bps DECIMAL(6,2) NOT NULL COMMENT "Fee of the order that met it, basis points of notional"
)
PRIMARY KEY (tier)
COMMENT "Fee schedule: one row per tier"
DISTRIBUTED BY HASH (tier) BUCKETS 1
PROPERTIES ("replication_num" = "1");
