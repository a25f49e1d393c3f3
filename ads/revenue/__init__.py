"""What views bring: billed, settled, shared, and taken back."""
