"""Accuracy on simulated clips: what the real vision path says against what truly happened."""
