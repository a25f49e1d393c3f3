"""The demo catalogue: music from a small synthesiser of our own, sleeves drawn by code, some weeks of history."""
