-- purpose:  codes of partners that nobody has mapped
-- owner:    sales-controlling
-- severity: INFO
--
-- Their revenue is missing from every report by material. Add them to reference-data/dim_material_mapper.csv.

SELECT s.material_code, count(*) AS sales_lines, sum(s.amount) AS amount, max(s.invoice_date) AS last_seen_date
FROM fact_sales s
LEFT ANTI JOIN dim_material_mapper x ON x.material_code = s.material_code
WHERE s.material_id IS NULL
GROUP BY s.material_code;
