"""Evidence: the camera's own recording of an act, its stills, and a signed list of them."""
