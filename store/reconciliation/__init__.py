"""The books beside Stripe's balance, line by line."""
