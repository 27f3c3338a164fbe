-- purpose: the steps of each run: one table, one view, one check each
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_job_step (
    run_id           VARCHAR(64)   NOT NULL COMMENT "The run, as in ops_job_run",
    step             VARCHAR(255)  NOT NULL COMMENT "Name of the step: the table, view or check it is about",
    job              VARCHAR(64)   NOT NULL COMMENT "Name of the job",
    state            VARCHAR(16)   NOT NULL COMMENT "done, partial (rows in quarantine), failed, skipped",
    attempt          INT           NOT NULL COMMENT "Attempts that it took",
    started_at       DATETIME      NOT NULL COMMENT "Start, UTC",
    seconds          DOUBLE        NOT NULL COMMENT "Duration, seconds",
    rows_read        BIGINT        NOT NULL COMMENT "Rows read from the source",
    rows_loaded      BIGINT        NOT NULL COMMENT "Rows of the source that have changed their table",
    rows_repeated    BIGINT        NOT NULL COMMENT "Rows that were there already",
    rows_quarantined BIGINT        NOT NULL COMMENT "Rows that did not fit and are in ops_quarantine",
    rows_standing    BIGINT        NOT NULL DEFAULT "0" COMMENT "Of those: rows that waited there already, or have been dismissed",
    error            VARCHAR(4000) NOT NULL COMMENT "What went wrong, empty when nothing did",
    hint             VARCHAR(1000) NOT NULL COMMENT "What to do about it"
)
PRIMARY KEY (run_id, step)
COMMENT "One row per step of a run"
DISTRIBUTED BY HASH (run_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
