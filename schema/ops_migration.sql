-- purpose: which migration steps have been done, and with which text
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_migration (
    name       VARCHAR(128) NOT NULL COMMENT "File name without .sql",
    sha256     VARCHAR(64)  NOT NULL COMMENT "SHA-256 of the file when it was done",
    run_id     VARCHAR(64)  NOT NULL COMMENT "The run, as in ops_job_run",
    seconds    DOUBLE       NOT NULL COMMENT "How long it took",
    was_needed BOOLEAN      NOT NULL COMMENT "false: its done-when held already, nothing was executed",
    applied_at DATETIME     NOT NULL COMMENT "When, UTC"
)
PRIMARY KEY (name)
COMMENT "One row per migration that has been done"
DISTRIBUTED BY HASH (name) BUCKETS 1
PROPERTIES ("replication_num" = "1");
