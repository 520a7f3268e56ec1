"""The kernel: what every part of the system shares, and nothing that does I/O on its own."""

__version__ = "0.1.0"
