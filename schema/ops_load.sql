-- purpose: what has been loaded: written in the transaction that makes the rows visible, so it proves them
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_load (
    target           VARCHAR(64)   NOT NULL COMMENT "Table that was loaded",
    load_id          VARCHAR(128)  NOT NULL COMMENT "Identity of the load",
    run_id           VARCHAR(64)   NOT NULL COMMENT "The run, as in ops_job_run",
    cycle            DATE          NOT NULL COMMENT "The night",
    source           VARCHAR(1000) NOT NULL COMMENT "Source as the table file names it",
    part             VARCHAR(1000) NOT NULL COMMENT "Part of the source: file name, topic partition, empty for a whole",
    content          VARCHAR(64)   NOT NULL COMMENT "SHA-256 of a file; of a topic: empty, accepted gap, or read again with the range",
    from_position    VARCHAR(1000) NOT NULL COMMENT "Where reading began, exclusive for timestamps, inclusive for offsets",
    to_position      VARCHAR(1000) NOT NULL COMMENT "Where it ended",
    rows_read        BIGINT        NOT NULL COMMENT "Rows read from the source",
    rows_staged      BIGINT        NOT NULL COMMENT "Rows sent to the stage table and counted there",
    rows_loaded      BIGINT        NOT NULL COMMENT "Rows of the source that have changed the target; closed versions and tombstones are not counted",
    rows_repeated    BIGINT        NOT NULL COMMENT "Rows left out: already there, or older than what is there",
    rows_quarantined BIGINT        NOT NULL COMMENT "Rows that did not fit and are in ops_quarantine",
    rows_standing    BIGINT        NOT NULL DEFAULT "0" COMMENT "Of those: rows that waited there already, or have been dismissed",
    loaded_at        DATETIME      NOT NULL COMMENT "Time of the load, UTC"
)
PRIMARY KEY (target, load_id)
COMMENT "One row per published part of a load"
DISTRIBUTED BY HASH (target) BUCKETS 1
PROPERTIES ("replication_num" = "1");
