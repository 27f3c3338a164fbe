"""The formats of files, and where files lie."""
