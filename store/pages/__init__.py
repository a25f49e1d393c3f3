"""What listeners and buyers see."""
