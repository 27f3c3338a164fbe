"""Where tables live: DuckDB, the catalogue of objects, partitions, transactions."""
