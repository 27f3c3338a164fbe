-- purpose: sales for reports: each line with what its customer was on that day, and with what it is today
-- owner:   sales-controlling
--
-- As of = at the end of the invoice's day: a customer who moved during the day counts with its new region.
-- A line that knows only a partner's code finds its material through dim_material_mapper.

CREATE OR REPLACE VIEW v_sales
COMMENT "One row per invoice line, cancelled ones included, revenue is 0 for those"
AS
SELECT
    s.invoice_date,
    s.invoice_no,
    s.line_no,
    s.version,
    s.status,
    s.quantity,
    s.unit_price,
    s.amount,
    if(s.status = 'active', s.amount, CAST(0 AS DECIMAL(28,4))) AS revenue,
    s.customer_id,
    past.name AS customer_name,
    past.region,
    past.sales_group,
    g.sales_group_name,
    g.sales_office,
    past.segment,
    today.name AS current_customer_name,
    today.region AS current_region,
    today.sales_group AS current_sales_group,
    today.segment AS current_segment,
    s.material_code,
    coalesce(s.material_id, x.material_id) AS material_id,
    m.material_name,
    m.category,
    m.unit,
    d.year,
    d.quarter,
    d.month,
    d.iso_year,
    d.iso_week,
    d.is_weekend,
    s.note
FROM fact_sales s
LEFT JOIN v_customer_history past
    ON past.customer_id = s.customer_id
    AND past.known_from < date_add(s.invoice_date, INTERVAL 1 DAY)
    AND past.valid_to >= date_add(s.invoice_date, INTERVAL 1 DAY)
LEFT JOIN dim_customer today ON today.customer_id = s.customer_id AND today.is_current
LEFT JOIN dim_sales_group_code g ON g.sales_group = past.sales_group
LEFT JOIN dim_material_mapper x ON x.material_code = s.material_code
LEFT JOIN dim_material m ON m.material_id = coalesce(s.material_id, x.material_id)
LEFT JOIN dim_date d ON d.calendar_date = s.invoice_date;
