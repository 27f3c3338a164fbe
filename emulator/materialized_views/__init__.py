"""Materialized views: declared, refreshed, reported."""
