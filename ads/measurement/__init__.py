"""What was seen and heard, counted exactly once."""
