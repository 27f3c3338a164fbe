"""Stream Load: headers and a body in, committed rows and a JSON answer out."""
