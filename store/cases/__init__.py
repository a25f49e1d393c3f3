"""Money that goes the other way: refunds, disputes, what artists give back, write-offs."""
