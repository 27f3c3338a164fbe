-- purpose: rows that did not fit, with the reason and where they stand in their source; nothing is lost silently
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_quarantine (
    target         VARCHAR(64)   NOT NULL COMMENT "Table for which the row was meant",
    row_id         VARCHAR(64)   NOT NULL COMMENT "Hash of coordinates, reason and row: the same fault again is the same row",
    reason         VARCHAR(64)   NOT NULL COMMENT "Kind of fault: type, range, length, null, columns, encoding, reference",
    column_name    VARCHAR(64)   NOT NULL COMMENT "Column at fault, empty when it is the whole row",
    value          VARCHAR(1000) NOT NULL COMMENT "Value at fault, shortened",
    source         VARCHAR(1000) NOT NULL COMMENT "Source as the table file names it",
    coordinates    VARCHAR(1000) NOT NULL COMMENT "file and line, or topic, partition, offset and index, or key",
    row_text       VARCHAR(65533) NOT NULL COMMENT "The whole row as JSON or as it was read",
    accepted       BOOLEAN       NOT NULL COMMENT "Whether the rest of its load became visible (within tolerance)",
    load_id        VARCHAR(128)  NOT NULL COMMENT "The load that met it last",
    run_id         VARCHAR(64)   NOT NULL COMMENT "The run, as in ops_job_run",
    quarantined_at DATETIME      NOT NULL COMMENT "When, UTC"
)
PRIMARY KEY (target, row_id)
COMMENT "One row per source row that did not fit"
DISTRIBUTED BY HASH (target) BUCKETS 1
PROPERTIES ("replication_num" = "1");
