-- purpose:   what is sold, as it is called today
-- source:    sql shop: material
-- owner:     sales-controlling
-- refresh:   incremental, evening
-- scd:       1
-- key:       material_id
-- watermark: updated_at, material_id
-- lateness:  2 hours
-- column:    is_inferred = FALSE
-- check:     CRITICAL unique(material_id)
-- check:     WARNING  row_change(50%)

CREATE TABLE IF NOT EXISTS dim_material (
    material_id   VARCHAR(18)   NOT NULL COMMENT "Material number of the shop",
    material_name VARCHAR(120)  NULL     COMMENT "Name of today: a new name replaces the old one; NULL while inferred",
    category      VARCHAR(40)   NULL     COMMENT "Product category; NULL while inferred",
    unit          VARCHAR(10)   NULL     COMMENT "Unit in which quantities are counted: piece, box, kg; NULL while inferred",
    list_price    DECIMAL(18,4) NULL     COMMENT "List price of one unit in EUR, net; NULL while inferred",
    updated_at    DATETIME      NULL     COMMENT "UTC, last change in the shop; NULL while inferred",
    is_inferred   BOOLEAN       NOT NULL DEFAULT "false" COMMENT "TRUE: known only from an invoice, the shop has not delivered it yet"
)
PRIMARY KEY (material_id)
COMMENT "Materials of the shop: one row per material, no history (SCD 1)"
DISTRIBUTED BY HASH (material_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
