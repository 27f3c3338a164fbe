"""Where rows come from: one file a kind of source, each with `parts(table, known, window)` (lib/loading/load.py)."""
