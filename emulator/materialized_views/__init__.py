"""Materialized views: declared, refreshed, inactive when what they read goes."""
