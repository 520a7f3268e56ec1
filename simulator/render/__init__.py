"""The camera's picture of a world: rasteriser, ground, light, weather."""
