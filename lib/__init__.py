"""What the jobs share, in floors: a module imports only from floors below its own (see docs/source.md)."""
