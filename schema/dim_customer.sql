-- purpose:   who buys: region, sales group and segment at the time of each sale
-- source:    sql shop: customer
-- owner:     sales-controlling
-- refresh:   incremental, evening
-- scd:       2
-- key:       customer_id
-- watermark: updated_at, customer_id
-- lateness:  2 hours
-- column:    valid_from = updated_at
-- column:    is_inferred = FALSE
-- check:     CRITICAL unique(customer_id, valid_from)
-- check:     WARNING  references(sales_group, dim_sales_group_code.sales_group)
-- check:     WARNING  row_change(50%)

CREATE TABLE IF NOT EXISTS dim_customer (
    customer_id BIGINT       NOT NULL COMMENT "Customer number of the shop",
    valid_from  DATETIME     NOT NULL COMMENT "UTC, first instant at which this version was true in the shop",
    valid_to    DATETIME     NOT NULL COMMENT "UTC, first instant at which it was true no more; open: 9999-12-31 00:00:00",
    is_current  BOOLEAN      NOT NULL COMMENT "TRUE for the one open version of each customer",
    name        VARCHAR(200) NULL     COMMENT "Name as printed on invoices; NULL while inferred",
    region      VARCHAR(20)  NULL     COMMENT "Sales region; NULL while inferred",
    sales_group VARCHAR(3)   NULL     COMMENT "Sales group in charge, see dim_sales_group_code; NULL while inferred",
    segment     VARCHAR(20)  NULL     COMMENT "consumer, business or public; NULL while inferred",
    is_inferred BOOLEAN      NOT NULL DEFAULT "false" COMMENT "TRUE: known only from an invoice, the shop has not delivered it yet"
)
PRIMARY KEY (customer_id, valid_from)
COMMENT "Customers of the shop: one row per customer and version (SCD 2)"
DISTRIBUTED BY HASH (customer_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
