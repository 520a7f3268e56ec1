"""Traffic rules: one small pure class each, over tracks and the scene."""
