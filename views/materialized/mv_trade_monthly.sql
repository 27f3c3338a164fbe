-- purpose: monthly turnover of the exchange
-- owner:   data-platform
-- refresh: morning
--
-- Buyers and sellers are missing on purpose: distinct counts of days do not add up to those of a month.

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_trade_monthly
COMMENT "One row per UTC month, prices and notional in minor units, quantity in lots"
PARTITION BY trade_month
DISTRIBUTED BY HASH (trade_month) BUCKETS 1
REFRESH DEFERRED MANUAL
PROPERTIES ("replication_num" = "1", "partition_refresh_number" = "-1")
AS
SELECT
    date_trunc('month', trade_date) AS trade_month,
    count(*) AS trading_days,
    sum(trades) AS trades,
    sum(quantity) AS quantity,
    sum(notional) AS notional,
    min(low_price) AS low_price,
    max(high_price) AS high_price,
    sum(vwap * CAST(quantity AS DOUBLE)) / sum(CAST(quantity AS DOUBLE)) AS vwap
FROM mv_trade_daily
GROUP BY date_trunc('month', trade_date);
