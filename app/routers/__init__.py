"""HTTP in, HTTP out; no music."""
