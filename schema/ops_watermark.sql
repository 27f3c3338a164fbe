-- purpose: how far each source has been read: written in the transaction that makes the rows visible
-- owner:   nightshift

CREATE TABLE IF NOT EXISTS ops_watermark (
    target     VARCHAR(64)   NOT NULL COMMENT "Table that is loaded",
    part       VARCHAR(100) NOT NULL COMMENT "Part of the source: topic partition; empty for a whole",
    position   VARCHAR(1000) NOT NULL COMMENT "JSON: next offset of a partition, or last timestamp and key",
    load_id    VARCHAR(128)  NOT NULL COMMENT "The load that moved it",
    updated_at DATETIME      NOT NULL COMMENT "When it was moved, UTC"
)
PRIMARY KEY (target, part)
COMMENT "One row per table and part of its source"
DISTRIBUTED BY HASH (target) BUCKETS 1
PROPERTIES ("replication_num" = "1");
