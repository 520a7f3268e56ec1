"""Benchmarks: each measures a figure and its limit in the same run."""
