"""Measures what loading costs on this side of the wire: `make bench`, or `python -m bench --rows 3000000`."""
