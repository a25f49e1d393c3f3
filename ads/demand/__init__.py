"""What advertisers, artists and the house want shown."""
