"""StarRocks SQL: read, resolved, typed, and written again for DuckDB."""
