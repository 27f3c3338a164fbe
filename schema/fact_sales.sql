-- purpose:   revenue reports by region, sales group and material
-- source:    files sales/*.csv
-- owner:     sales-controlling
-- refresh:   incremental, morning
-- key:       invoice_no, line_no
-- watermark: file content
-- lateness:  31 days
-- version:   version
-- null:      "", "NULL"
-- tolerate:  2%
-- infer:     dim_customer.customer_id, dim_material.material_id
-- column:    amount = CAST(quantity AS DECIMAL(10,0)) * CAST(unit_price AS DECIMAL(18,4))
-- column:    source_file = _file
-- column:    source_line = _line
-- check:     CRITICAL unique(invoice_no, line_no)
-- check:     CRITICAL accepted(status, 'active', 'cancelled')
-- check:     CRITICAL references(customer_id, dim_customer.customer_id)
-- check:     CRITICAL references(material_id, dim_material.material_id)
-- check:     WARNING  between(unit_price, 0, 100000)
-- check:     WARNING  fresh(invoice_date, 60h)
-- check:     WARNING  row_change(50%)

CREATE TABLE IF NOT EXISTS fact_sales (
    invoice_date  DATE          NOT NULL COMMENT "Date printed on the invoice; stays when a line is corrected",
    invoice_no    VARCHAR(20)   NOT NULL COMMENT "Invoice number",
    line_no       INT           NOT NULL COMMENT "Line of the invoice, from 1",
    version       INT           NOT NULL COMMENT "1 when first billed, one more with each correction or cancellation",
    status        VARCHAR(10)   NOT NULL COMMENT "active or cancelled; a cancelled line stays, revenue counts active lines only",
    customer_id   BIGINT        NULL     COMMENT "Customer, see dim_customer; NULL: sold over the counter",
    material_id   VARCHAR(18)   NULL     COMMENT "Material, see dim_material; NULL: the till knew only material_code",
    material_code VARCHAR(40)   NOT NULL COMMENT "Code as printed: our material_id or a partner's code, see dim_material_mapper",
    quantity      INT           NOT NULL COMMENT "Units billed; negative: taken back",
    unit_price    DECIMAL(18,4) NOT NULL COMMENT "Price of one unit in EUR, net",
    amount        DECIMAL(28,4) NOT NULL COMMENT "quantity * unit_price in EUR, net, exact",
    note          VARCHAR(200)  NULL     COMMENT "Free text of the till",
    source_file   VARCHAR(1024) NOT NULL COMMENT "Lineage: file of the drop",
    source_line   BIGINT        NOT NULL COMMENT "Lineage: line of that file at which the row starts"
)
PRIMARY KEY (invoice_date, invoice_no, line_no)
COMMENT "One row per invoice line, in its latest version"
PARTITION BY date_trunc('month', invoice_date)
DISTRIBUTED BY HASH (invoice_no) BUCKETS 2
PROPERTIES ("replication_num" = "1");
