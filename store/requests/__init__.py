"""Who asks, how often they may, and how they are answered."""
