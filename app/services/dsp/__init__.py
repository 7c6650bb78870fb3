"""Signal processing on float32 (frames, channels) arrays: pure functions, and small objects that carry state."""
