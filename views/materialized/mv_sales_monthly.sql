-- purpose: monthly sales by region and sales group
-- owner:   sales-controlling
-- refresh: morning
--
-- Everything here adds up over days: an invoice belongs to one day and one customer.

CREATE MATERIALIZED VIEW IF NOT EXISTS mv_sales_monthly
COMMENT "One row per month, region and sales group, amounts in EUR, net"
PARTITION BY invoice_month
DISTRIBUTED BY HASH (region) BUCKETS 1
REFRESH DEFERRED MANUAL
PROPERTIES ("replication_num" = "1", "partition_refresh_number" = "-1")
AS
SELECT
    date_trunc('month', invoice_date) AS invoice_month,
    region,
    sales_group,
    count(DISTINCT invoice_date) AS selling_days,
    sum(invoices) AS invoices,
    sum(all_lines) AS all_lines,
    sum(cancelled_lines) AS cancelled_lines,
    sum(quantity) AS quantity,
    sum(revenue) AS revenue
FROM mv_sales_daily
GROUP BY date_trunc('month', invoice_date), region, sales_group;
