-- purpose:   calendar for reports by week, month and quarter, days without sales included
-- source:    calendar 2024-01-01 2031-01-01
-- owner:     data-platform
-- refresh:   full, evening
-- scd:       1
-- key:       calendar_date
-- column:    calendar_date = `date`
-- column:    year = year(`date`)
-- column:    quarter = quarter(`date`)
-- column:    month = month(`date`)
-- column:    month_name = monthname(`date`)
-- column:    iso_year = year(date_add(`date`, INTERVAL (4 - dayofweek_iso(`date`)) DAY))
-- column:    iso_week = week_iso(`date`)
-- column:    day_of_week = dayofweek_iso(`date`)
-- column:    is_weekend = dayofweek_iso(`date`) >= 6
-- column:    first_day_of_month = date_trunc('month', `date`)
-- column:    last_day_of_month = last_day(`date`)
-- check:     CRITICAL unique(calendar_date)
-- check:     CRITICAL between(day_of_week, 1, 7)

CREATE TABLE IF NOT EXISTS dim_date (
    calendar_date      DATE       NOT NULL COMMENT "The day",
    year               SMALLINT   NOT NULL COMMENT "Calendar year",
    quarter            TINYINT    NOT NULL COMMENT "Calendar quarter, 1 to 4",
    month              TINYINT    NOT NULL COMMENT "Calendar month, 1 to 12",
    month_name         VARCHAR(9) NOT NULL COMMENT "English name of the month",
    iso_year           SMALLINT   NOT NULL COMMENT "Year that the ISO week belongs to: differs from year around New Year",
    iso_week           TINYINT    NOT NULL COMMENT "ISO 8601 week, 1 to 53; unique only together with iso_year",
    day_of_week        TINYINT    NOT NULL COMMENT "1 = Monday to 7 = Sunday",
    is_weekend         BOOLEAN    NOT NULL COMMENT "TRUE on Saturday and Sunday",
    first_day_of_month DATE       NOT NULL COMMENT "First day of the month",
    last_day_of_month  DATE       NOT NULL COMMENT "Last day of the month"
)
PRIMARY KEY (calendar_date)
COMMENT "Calendar: one row per day"
DISTRIBUTED BY HASH (calendar_date) BUCKETS 1
PROPERTIES ("replication_num" = "1");
