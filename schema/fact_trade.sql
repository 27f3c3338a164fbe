-- purpose:   turnover reports; reconciliation with settlement
-- source:    kafka trade.history
-- owner:     data-platform
-- refresh:   incremental, morning
-- key:       trade_id
-- watermark: kafka offset
-- lateness:  3 days
-- infer:     dim_user.user_id
-- column:    trade_date = to_date(to_datetime_ntz(_timestamp, 3))
-- column:    settled_at = to_datetime_ntz(_timestamp, 3)
-- column:    kafka_partition = _partition
-- column:    kafka_offset = _offset
-- column:    kafka_index = _index
-- check:     CRITICAL unique(trade_id)
-- check:     CRITICAL references(buy_user_id, dim_user.user_id)
-- check:     CRITICAL references(sell_user_id, dim_user.user_id)
-- check:     WARNING  fresh(settled_at, 26h)
-- check:     WARNING  contiguous(match_seq, settled_at, 3 days)
-- check:     WARNING  row_change(50%)

CREATE TABLE IF NOT EXISTS fact_trade (
    trade_date      DATE     NOT NULL COMMENT "UTC date of settled_at",
    trade_id        LARGEINT NOT NULL COMMENT "Unique at the matching engine, unsigned 64 bits",
    match_seq       LARGEINT NOT NULL COMMENT "Order of execution at the matching engine, unsigned 64 bits",
    buy_order_id    LARGEINT NOT NULL COMMENT "Order of the buyer, unsigned 64 bits; ids ascend with the time of entry",
    sell_order_id   LARGEINT NOT NULL COMMENT "Order of the seller, unsigned 64 bits; ids ascend with the time of entry",
    buy_user_id     LARGEINT NOT NULL COMMENT "Buyer, see dim_user",
    sell_user_id    LARGEINT NOT NULL COMMENT "Seller, see dim_user",
    price           LARGEINT NOT NULL COMMENT "Price of one lot in minor units (cents), unsigned 64 bits",
    quantity        LARGEINT NOT NULL COMMENT "Lots executed, unsigned 64 bits",
    settled_at      DATETIME NOT NULL COMMENT "UTC, millisecond timestamp of the Kafka record",
    kafka_partition INT      NOT NULL COMMENT "Lineage: partition of the message",
    kafka_offset    BIGINT   NOT NULL COMMENT "Lineage: offset of the message within the partition",
    kafka_index     INT      NOT NULL DEFAULT "0" COMMENT "Lineage: place within the message's array, from 0"
)
PRIMARY KEY (trade_date, trade_id)
COMMENT "One row per executed trade"
PARTITION BY date_trunc('day', trade_date)
DISTRIBUTED BY HASH (trade_id) BUCKETS 2
PROPERTIES ("replication_num" = "1");
