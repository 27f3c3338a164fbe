-- purpose: daily turnover of the exchange
-- owner:   data-platform
-- refresh: morning
--
-- notional as in v_trade: exact up to 10^38, NULL beyond. vwap is a DOUBLE: an indicator, not for settlement.

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_trade_daily
COMMENT "One row per UTC day, prices and notional in minor units, quantity in lots"
PARTITION BY trade_date
DISTRIBUTED BY HASH (trade_date) BUCKETS 1
REFRESH DEFERRED MANUAL
PROPERTIES ("replication_num" = "1", "partition_refresh_number" = "-1")
AS
SELECT
    trade_date,
    count(*) AS trades,
    count(DISTINCT buy_user_id) AS buyers,
    count(DISTINCT sell_user_id) AS sellers,
    sum(quantity) AS quantity,
    sum(CAST(CAST(price AS DECIMAL(20,0)) * CAST(quantity AS DECIMAL(20,0)) AS DECIMAL(38,0))) AS notional,
    min(price) AS low_price,
    max(price) AS high_price,
    sum(CAST(price AS DOUBLE) * CAST(quantity AS DOUBLE)) / sum(CAST(quantity AS DOUBLE)) AS vwap
FROM fact_trade
GROUP BY trade_date;
