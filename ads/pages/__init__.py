"""Pages of advertisers, artists and owners of sites."""
