"""Who asks, and whether what they see counts."""
