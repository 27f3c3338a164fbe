-- purpose: dim_user ready for joins as of an instant: versions without gaps, the first one reaching back to the beginning
-- owner:   data-platform
--
-- The exchange keeps no history of its own: before the first version that it delivered, that version is the best there is.
-- Inferred rows say nothing about a user and are left out.

CREATE OR REPLACE VIEW v_user_history
COMMENT "One row per user and version, join on known_from <= t AND t < valid_to"
AS
SELECT
    user_id,
    if(lag(valid_from) OVER (PARTITION BY user_id ORDER BY valid_from) IS NULL,
       CAST('1970-01-01 00:00:00' AS DATETIME), valid_from) AS known_from,
    valid_to,
    is_current,
    country,
    region,
    tier
FROM dim_user
WHERE NOT is_inferred;
