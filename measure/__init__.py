"""Every figure we publish: benchmarks against a limit that the same run measures."""
