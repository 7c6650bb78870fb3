"""Music as tables and pure functions. Rule: nothing here knows samples, words or files."""
