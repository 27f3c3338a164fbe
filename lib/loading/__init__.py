"""From a source to visible rows: read, conform, stage, audit, publish."""
