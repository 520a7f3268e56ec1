"""From boxes to vehicles with an identity."""
