"""How the service stands time and too much: `python -m benchmarks.endurance`."""
