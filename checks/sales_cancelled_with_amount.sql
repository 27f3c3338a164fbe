-- purpose:  cancelled lines that still carry an amount: the till must set the quantity of a cancelled line to 0
-- owner:    sales-controlling
-- severity: WARNING

SELECT invoice_date, invoice_no, line_no, version, quantity, amount, source_file, source_line
FROM fact_sales
WHERE status = 'cancelled' AND amount <> 0;
