-- purpose:  the sales groups see the sales of their own regions only
-- owner:    sales-controlling
-- protects: fact_sales
-- view:     v_sales_regional
-- mapping:  dim_sales_access
--
-- Fails closed: an account without a row in dim_sales_access sees nothing, and lines without a region are seen by sales_admin alone.
-- The region is that of the day of the sale: a customer who moves does not take its past along.
-- Grant SELECT on this view only, never on fact_sales, v_sales or the materialized views: those show every region.

CREATE OR REPLACE VIEW v_sales_regional
COMMENT "v_sales, restricted to the regions of the account that asks, role sales_admin sees all"
SECURITY NONE
AS
SELECT v.*
FROM v_sales v
WHERE is_role_in_session('sales_admin')
    OR v.region IN (SELECT a.region FROM dim_sales_access a WHERE a.principal = current_user());
