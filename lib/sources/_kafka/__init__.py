"""The Kafka bridge: from records of a topic to rows."""
