"""StarRocks functions on DuckDB: which names exist, how each is written, and what it returns."""
