"""The camera node: frames become detections, tracks, counts and violations."""
