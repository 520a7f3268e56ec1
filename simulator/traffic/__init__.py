"""Traffic: SUMO's vehicles, planned violators, people on foot, as a world."""
