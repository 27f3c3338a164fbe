-- purpose: daily sales by region and sales group, as they were on that day
-- owner:   sales-controlling
-- refresh: morning
--
-- Reads the tables, not v_sales: replacing a view makes the materialized views over it inactive.
-- dim_customer has no partitions, so a night in which it changed refreshes all of them, that is what late changes need.

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_sales_daily
COMMENT "One row per day, region and sales group, active lines unless said otherwise, amounts in EUR, net"
PARTITION BY date_trunc('month', invoice_date)
DISTRIBUTED BY HASH (region) BUCKETS 1
REFRESH DEFERRED MANUAL
PROPERTIES ("replication_num" = "1", "partition_refresh_number" = "-1")
AS
SELECT
    s.invoice_date AS invoice_date,
    ifnull(c.region, 'unknown') AS region,
    ifnull(c.sales_group, '') AS sales_group,
    count(DISTINCT s.invoice_no) AS invoices,
    count(*) AS all_lines,
    sum(if(s.status = 'cancelled', 1, 0)) AS cancelled_lines,
    sum(if(s.status = 'active', s.quantity, 0)) AS quantity,
    sum(if(s.status = 'active', s.amount, CAST(0 AS DECIMAL(28,4)))) AS revenue
FROM fact_sales s
LEFT JOIN (
    SELECT
        customer_id,
        if(lag(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from) IS NULL,
           CAST('1970-01-01 00:00:00' AS DATETIME), valid_from) AS known_from,
        valid_to,
        region,
        sales_group
    FROM dim_customer
    WHERE NOT is_inferred
) c
    ON c.customer_id = s.customer_id
    AND c.known_from < date_add(s.invoice_date, INTERVAL 1 DAY)
    AND c.valid_to >= date_add(s.invoice_date, INTERVAL 1 DAY)
GROUP BY s.invoice_date, ifnull(c.region, 'unknown'), ifnull(c.sales_group, '');
