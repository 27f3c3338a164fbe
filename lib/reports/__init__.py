"""What is told of a night: audit report, messages, status."""
