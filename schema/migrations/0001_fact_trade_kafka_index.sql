-- purpose:   before this column a trade's place within its message was not kept: a wrong trade led to up to 50
-- owner:     data-platform
-- done-when: SELECT 1 FROM information_schema.columns WHERE table_schema = database() AND table_name = 'fact_trade' AND column_name = 'kafka_index'

ALTER TABLE fact_trade
    ADD COLUMN kafka_index INT NOT NULL DEFAULT "0" COMMENT "Lineage: place within the message's array, from 0";
