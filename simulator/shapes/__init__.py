"""What road users look like: meshes, heads, plates."""
