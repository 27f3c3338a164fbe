-- purpose:  cancelled lines that still carry an amount
-- owner:    sales-controlling
-- severity: WARNING
--
-- The till has to set the quantity of a line to 0 when it cancels it.

SELECT invoice_date, invoice_no, line_no, version, quantity, amount, source_file, source_line
FROM fact_sales
WHERE status = 'cancelled' AND amount <> 0;
