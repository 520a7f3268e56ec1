"""Number plates: found, straightened, read by a constrained decoder, voted on over frames."""
