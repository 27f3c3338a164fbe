-- purpose: rows that did not fit, with the reason and where they stand in their source; nothing is lost silently
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_quarantine (
    target         VARCHAR(64)   NOT NULL COMMENT "Table for which the row was meant",
    row_id         VARCHAR(64)   NOT NULL COMMENT "Hash of coordinates and row: the same row of the source is the same row here",
    reason         VARCHAR(64)   NOT NULL COMMENT "Kind of fault: type, range, length, null, columns, encoding, reference",
    column_name    VARCHAR(64)   NOT NULL COMMENT "Column at fault, empty when it is the whole row",
    value          VARCHAR(1000) NOT NULL COMMENT "Value at fault, shortened",
    source         VARCHAR(1000) NOT NULL COMMENT "Source as the table file names it",
    coordinates    VARCHAR(1000) NOT NULL COMMENT "file and line, or topic, partition, offset and index, or key",
    row_text       VARCHAR(65533) NOT NULL COMMENT "The row as JSON with its lineage, _source first, which can be replayed; or as it was read",
    accepted       BOOLEAN       NOT NULL COMMENT "Whether the rest of its load became visible (within tolerance)",
    load_id        VARCHAR(128)  NOT NULL COMMENT "The load that put it aside",
    run_id         VARCHAR(64)   NOT NULL COMMENT "The run, as in ops_job_run",
    quarantined_at DATETIME      NOT NULL COMMENT "When, UTC",
    part           VARCHAR(1000) NOT NULL DEFAULT "" COMMENT "Part of the source, as in ops_load",
    from_position  VARCHAR(1000) NOT NULL DEFAULT "" COMMENT "Where reading that part began, as in ops_load",
    state          VARCHAR(32)   NOT NULL DEFAULT "waiting" COMMENT "waiting, rejected again: open; replayed, dismissed, superseded: settled",
    settled_at     DATETIME      NULL COMMENT "When it was replayed, dismissed or superseded, UTC",
    settled_run_id VARCHAR(64)   NULL COMMENT "The run that did it, as in ops_job_run",
    settled_note   VARCHAR(1000) NULL COMMENT "Who dismissed it, and why"
)
PRIMARY KEY (target, row_id)
COMMENT "One row per source row that did not fit"
DISTRIBUTED BY HASH (target) BUCKETS 1
PROPERTIES ("replication_num" = "1");
