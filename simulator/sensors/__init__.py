"""Virtual sensors: one climate a site, instruments with their faults, self-tests."""
