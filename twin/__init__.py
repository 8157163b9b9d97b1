"""What the line is, was and does."""
