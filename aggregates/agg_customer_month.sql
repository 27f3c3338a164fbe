-- purpose: what each customer bought in a month, against its region: the sales groups' monthly review
-- owner:   sales-controlling
-- window:  35 days
-- check:   CRITICAL unique(invoice_month, customer_id)
-- check:   CRITICAL accepted(customer_kind, 'new', 'returning')
--
-- Whole months are rebuilt: dynamic overwrite replaces each partition that gets a row, so a month that starts before the window
-- must not come in half. Region and sales group are those at the end of the month (today's, while it runs).

CREATE TABLE IF NOT EXISTS agg_customer_month (
    invoice_month        DATE          NOT NULL COMMENT "First day of the month",
    customer_id          BIGINT        NOT NULL COMMENT "Customer, see dim_customer",
    region               VARCHAR(20)   NOT NULL COMMENT "Sales region at the end of the month, unknown while inferred",
    sales_group          VARCHAR(3)    NULL     COMMENT "Sales group at the end of the month, see dim_sales_group_code",
    orders               BIGINT        NOT NULL COMMENT "Invoices with at least one active line",
    quantity             BIGINT        NOT NULL COMMENT "Units of active lines, units taken back subtracted",
    revenue              DECIMAL(38,4) NOT NULL COMMENT "Sum of active lines in EUR, net",
    cancelled_lines      BIGINT        NOT NULL COMMENT "Lines that were billed and taken back",
    average_basket       DECIMAL(38,4) NULL     COMMENT "revenue / orders in EUR, NULL without orders",
    customer_kind        VARCHAR(10)   NOT NULL COMMENT "new: the first invoice ever falls into this month, else returning",
    region_rank          BIGINT        NOT NULL COMMENT "Rank by revenue within month and region, 1 = highest",
    region_revenue_share DOUBLE        NULL     COMMENT "revenue / revenue of the region in the month, NULL when that is 0"
)
PRIMARY KEY (invoice_month, customer_id)
COMMENT "One row per month and customer"
PARTITION BY date_trunc('month', invoice_month)
DISTRIBUTED BY HASH (customer_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");

INSERT /*+ SET_VAR(dynamic_overwrite = true) */ OVERWRITE agg_customer_month
SELECT
    t.invoice_month,
    t.customer_id,
    t.region,
    t.sales_group,
    t.orders,
    t.quantity,
    t.revenue,
    t.cancelled_lines,
    CAST(round(t.revenue / nullif(t.orders, 0), 4) AS DECIMAL(38,4)) AS average_basket,
    if(t.first_month = t.invoice_month, 'new', 'returning') AS customer_kind,
    rank() OVER (PARTITION BY t.invoice_month, t.region ORDER BY t.revenue DESC) AS region_rank,
    CAST(t.revenue AS DOUBLE)
        / nullif(CAST(sum(t.revenue) OVER (PARTITION BY t.invoice_month, t.region) AS DOUBLE), 0) AS region_revenue_share
FROM (
    SELECT
        m.invoice_month,
        m.customer_id,
        ifnull(h.region, 'unknown') AS region,
        h.sales_group,
        m.orders,
        m.quantity,
        m.revenue,
        m.cancelled_lines,
        f.first_month
    FROM (
        SELECT
            CAST(date_trunc('month', invoice_date) AS DATE) AS invoice_month,
            customer_id,
            count(DISTINCT if(status = 'active', invoice_no, NULL)) AS orders,
            sum(if(status = 'active', quantity, 0)) AS quantity,
            sum(if(status = 'active', amount, CAST(0 AS DECIMAL(28,4)))) AS revenue,
            sum(if(status = 'cancelled', 1, 0)) AS cancelled_lines
        FROM fact_sales
        WHERE customer_id IS NOT NULL
            AND invoice_date >= date_trunc('month', CAST(%(since)s AS DATE))
            AND invoice_date <= last_day(date_add(CAST(%(until)s AS DATE), INTERVAL -1 DAY))
        GROUP BY CAST(date_trunc('month', invoice_date) AS DATE), customer_id
    ) m
    JOIN (
        SELECT customer_id, CAST(date_trunc('month', min(invoice_date)) AS DATE) AS first_month
        FROM fact_sales
        WHERE customer_id IS NOT NULL
        GROUP BY customer_id
    ) f ON f.customer_id = m.customer_id
    LEFT JOIN v_customer_history h
        ON h.customer_id = m.customer_id
        AND h.known_from < date_add(m.invoice_month, INTERVAL 1 MONTH)
        AND h.valid_to >= date_add(m.invoice_month, INTERVAL 1 MONTH)
) t;
