-- purpose: with which text each view and materialized view was created, so that only changed ones are created again
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_view (
    name       VARCHAR(64)  NOT NULL COMMENT "View or materialized view",
    sha256     VARCHAR(64)  NOT NULL COMMENT "SHA-256 of its statement when it was created",
    run_id     VARCHAR(64)  NOT NULL COMMENT "The run, as in ops_job_run",
    created_at DATETIME     NOT NULL COMMENT "When, UTC"
)
PRIMARY KEY (name)
COMMENT "One row per view that migrate has created"
DISTRIBUTED BY HASH (name) BUCKETS 1
PROPERTIES ("replication_num" = "1");
