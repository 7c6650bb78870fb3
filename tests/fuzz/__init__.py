"""Bytes from anywhere, given to each of our own parsers: `python -m tests.fuzz` for long."""
