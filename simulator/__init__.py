"""Virtual devices with a known truth, for the demo, load and faults."""
