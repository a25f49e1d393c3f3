"""Counted hours and days, what artists read of them, and what a price brings."""
