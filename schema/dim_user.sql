-- purpose:   who trades: country, region and fee tier at the time of each trade
-- source:    sql exchange: users
-- owner:     data-platform
-- refresh:   incremental, evening
-- scd:       2
-- key:       user_id
-- watermark: updated_at, user_id
-- lateness:  2 hours
-- column:    valid_from = updated_at
-- column:    is_inferred = FALSE
-- check:     CRITICAL unique(user_id, valid_from)
-- check:     WARNING  references(tier, dim_fee_tier.tier)
-- check:     WARNING  row_change(50%)

CREATE TABLE IF NOT EXISTS dim_user (
    user_id     LARGEINT     NOT NULL COMMENT "Exchange account, unsigned 64 bits: BIGINT would lose the upper half",
    valid_from  DATETIME     NOT NULL COMMENT "UTC, first instant at which this version was true at the exchange",
    valid_to    DATETIME     NOT NULL COMMENT "UTC, first instant at which it was true no more; open: 9999-12-31 00:00:00",
    is_current  BOOLEAN      NOT NULL COMMENT "TRUE for the one open version of each user",
    country     VARCHAR(2)   NULL     COMMENT "ISO 3166-1 alpha-2 code of residence; NULL while inferred",
    region      VARCHAR(20)  NULL     COMMENT "Business region of the country; NULL while inferred",
    tier        VARCHAR(10)  NULL     COMMENT "Fee tier, see dim_fee_tier; NULL while inferred",
    is_inferred BOOLEAN      NOT NULL DEFAULT "false" COMMENT "TRUE: known only from a trade, the exchange has not delivered it yet"
)
PRIMARY KEY (user_id, valid_from)
COMMENT "Users of the exchange: one row per user and version (SCD 2)"
DISTRIBUTED BY HASH (user_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
