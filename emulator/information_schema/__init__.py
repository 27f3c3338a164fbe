"""information_schema, a system table a function."""
