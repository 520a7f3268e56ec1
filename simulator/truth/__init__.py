"""What is true of a clip: who is where in the picture, who broke which rule and when."""
