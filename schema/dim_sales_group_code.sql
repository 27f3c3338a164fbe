-- purpose:   texts of the sales groups, kept by hand
-- source:    reference-data/dim_sales_group_code.csv
-- owner:     sales-controlling
-- refresh:   full, evening
-- scd:       1
-- key:       sales_group
-- watermark: file content
-- check:     CRITICAL unique(sales_group)

CREATE TABLE IF NOT EXISTS dim_sales_group_code (
    sales_group      VARCHAR(3)  NOT NULL COMMENT "Code as the shop uses it",
    sales_group_name VARCHAR(60) NOT NULL COMMENT "Text for reports",
    sales_office     VARCHAR(40) NOT NULL COMMENT "Office that the group belongs to"
)
PRIMARY KEY (sales_group)
COMMENT "Sales groups: one row per code"
DISTRIBUTED BY HASH (sales_group) BUCKETS 1
PROPERTIES ("replication_num" = "1");
