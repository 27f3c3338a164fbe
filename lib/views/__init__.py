"""Views and materialized views: their files, their creation, their refresh."""
