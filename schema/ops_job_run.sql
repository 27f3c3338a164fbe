-- purpose: the ledger of runs: what ran, for which night, how it ended; predecessors and reports are read from it
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_job_run (
    run_id           VARCHAR(64)   NOT NULL COMMENT "Identity of the run; also in every log line and span",
    job              VARCHAR(64)   NOT NULL COMMENT "Name of the job",
    cycle            DATE          NOT NULL COMMENT "The night: date of its evening, noon to noon UTC",
    state            VARCHAR(16)   NOT NULL COMMENT "running, done, partial, failed, skipped, interrupted, crashed",
    exit_code        INT           NULL     COMMENT "Exit code of the process; NULL while running",
    attempt          INT           NOT NULL COMMENT "How many runs of this job this night has had, this one included; 0: its lock was held, it has not begun",
    arguments        VARCHAR(2000) NOT NULL COMMENT "Command line options as given",
    started_at       DATETIME      NOT NULL COMMENT "Start, UTC",
    ended_at         DATETIME      NULL     COMMENT "End, UTC; NULL while running",
    rows_read        BIGINT        NOT NULL COMMENT "Rows read from sources",
    rows_loaded      BIGINT        NOT NULL COMMENT "Rows of the source that have changed their table",
    rows_repeated    BIGINT        NOT NULL COMMENT "Rows that were in their table already",
    rows_quarantined BIGINT        NOT NULL COMMENT "Rows that did not fit and are in ops_quarantine",
    rows_standing    BIGINT        NOT NULL DEFAULT "0" COMMENT "Of those: rows that waited there already, or have been dismissed",
    host             VARCHAR(255)  NOT NULL COMMENT "Host name",
    pid              INT           NOT NULL COMMENT "Process id on that host",
    revision         VARCHAR(64)   NOT NULL COMMENT "Git revision of the code, empty when unknown",
    trace_id         VARCHAR(32)   NOT NULL COMMENT "OpenTelemetry trace, empty when telemetry is off",
    error            VARCHAR(4000) NOT NULL COMMENT "What went wrong, empty when nothing did",
    hint             VARCHAR(1000) NOT NULL COMMENT "What to do about it"
)
PRIMARY KEY (run_id)
COMMENT "One row per run of a job"
DISTRIBUTED BY HASH (run_id) BUCKETS 1
PROPERTIES ("replication_num" = "1");
