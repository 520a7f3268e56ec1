"""Virtual devices: what they say and when, how they break, and the bad network between."""
