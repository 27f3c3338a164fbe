-- purpose: what verification found, night by night
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_check_result (
    run_id      VARCHAR(64)    NOT NULL COMMENT "The run, as in ops_job_run",
    check_id    VARCHAR(32)    NOT NULL COMMENT "Hash of subject and check: the same check has the same id every night",
    cycle       DATE           NOT NULL COMMENT "The night",
    subject     VARCHAR(255)   NOT NULL COMMENT "Table or file that was checked; night: the night itself",
    check_name  VARCHAR(1000)  NOT NULL COMMENT "The check as it is written",
    severity    VARCHAR(16)    NOT NULL COMMENT "CRITICAL, WARNING, INFO",
    state       VARCHAR(16)    NOT NULL COMMENT "passed, failed, unknown (it could not be evaluated)",
    wrong_rows  BIGINT         NULL     COMMENT "Rows that break the check; NULL when it does not count rows",
    value       DOUBLE         NULL     COMMENT "The number measured: rows, hours of age; row_change compares with it",
    measured    VARCHAR(4000)  NOT NULL COMMENT "What was measured, in words",
    query       VARCHAR(65533) NOT NULL COMMENT "SQL that shows the wrong rows",
    seconds     DOUBLE         NOT NULL COMMENT "Duration, seconds; checks of one scan share it",
    checked_at  DATETIME       NOT NULL COMMENT "When, UTC"
)
PRIMARY KEY (run_id, check_id)
COMMENT "One row per check and run of verify"
DISTRIBUTED BY HASH (run_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
