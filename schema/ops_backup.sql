-- purpose: which backups there are, of which instant, and what they hold
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_backup (
    label       VARCHAR(100)   NOT NULL COMMENT "Name of the snapshot in the repository",
    repository  VARCHAR(64)    NOT NULL COMMENT "Repository in StarRocks",
    cycle       DATE           NOT NULL COMMENT "The night",
    state       VARCHAR(16)    NOT NULL COMMENT "FINISHED or CANCELLED, as StarRocks says",
    snapshot_at DATETIME       NULL     COMMENT "Instant whose data it holds, UTC",
    finished_at DATETIME       NULL     COMMENT "When it was complete in the repository, UTC",
    timestamp   VARCHAR(64)    NOT NULL COMMENT "backup_timestamp for RESTORE",
    objects     BIGINT         NOT NULL COMMENT "Tables and views in it",
    row_counts  VARCHAR(65533) NOT NULL COMMENT "JSON: rows of each table just before the backup",
    run_id      VARCHAR(64)    NOT NULL COMMENT "The run, as in ops_job_run",
    error       VARCHAR(4000)  NOT NULL COMMENT "What went wrong, empty when nothing did"
)
PRIMARY KEY (label)
COMMENT "One row per backup"
DISTRIBUTED BY HASH (label) BUCKETS 1
PROPERTIES ("replication_num" = "1");
