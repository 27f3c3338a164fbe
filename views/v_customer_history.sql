-- purpose: dim_customer ready for joins as of a day: versions without gaps, the first one reaching back to the beginning
-- owner:   sales-controlling
--
-- The shop keeps no history of its own: before the first version that it delivered, that version is the best there is.
-- Inferred rows say nothing about a customer and are left out.

CREATE OR REPLACE VIEW v_customer_history
COMMENT "One row per customer and version, join on known_from <= t AND t < valid_to"
AS
SELECT
    customer_id,
    if(lag(valid_from) OVER (PARTITION BY customer_id ORDER BY valid_from) IS NULL,
       CAST('1970-01-01 00:00:00' AS DATETIME), valid_from) AS known_from,
    valid_to,
    is_current,
    name,
    region,
    sales_group,
    segment
FROM dim_customer
WHERE NOT is_inferred;
