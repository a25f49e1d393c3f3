"""What advertisers and artists read about their ads."""
