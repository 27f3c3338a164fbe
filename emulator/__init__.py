"""An embedded StarRocks-compatible server: MySQL protocol, Stream Load, DuckDB underneath."""

VERSION = "4.1.7-emulator"
