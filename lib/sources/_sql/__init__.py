"""Databases as sources: tables and SELECTs, read by position and by day."""
