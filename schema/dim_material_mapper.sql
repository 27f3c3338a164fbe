-- purpose:   which of our materials a partner means by its own code, kept by hand
-- source:    reference-data/dim_material_mapper.csv
-- owner:     sales-controlling
-- refresh:   full, evening
-- scd:       1
-- key:       material_code
-- watermark: file content
-- check:     CRITICAL unique(material_code)
-- check:     WARNING  references(material_id, dim_material.material_id)

CREATE TABLE IF NOT EXISTS dim_material_mapper (
    material_code VARCHAR(40) NOT NULL COMMENT "Code as the partner prints it on its invoices",
    material_id   VARCHAR(18) NOT NULL COMMENT "Our material, see dim_material",
    partner       VARCHAR(40) NOT NULL COMMENT "Partner that uses the code"
)
PRIMARY KEY (material_code)
COMMENT "External material codes: one row per code"
DISTRIBUTED BY HASH (material_code) BUCKETS 1
PROPERTIES ("replication_num" = "1");
