"""Stream Load with an outcome that is true."""
