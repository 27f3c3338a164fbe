-- purpose:   who may see the sales of which region; read by rls-policies/sales_regional_access.sql
-- source:    reference-data/dim_sales_access.csv
-- owner:     sales-controlling
-- refresh:   full, evening
-- scd:       1
-- key:       principal, region
-- watermark: file content
-- check:     CRITICAL unique(principal, region)

CREATE TABLE IF NOT EXISTS dim_sales_access (
    principal VARCHAR(100) NOT NULL COMMENT "Account exactly as current_user() gives it, quotes included: 'anna'@'%'",
    region    VARCHAR(20)  NOT NULL COMMENT "Sales region that the account may see, see dim_customer"
)
PRIMARY KEY (principal, region)
COMMENT "Access to regional sales: one row per account and region"
DISTRIBUTED BY HASH (principal) BUCKETS 1
PROPERTIES ("replication_num" = "1");
