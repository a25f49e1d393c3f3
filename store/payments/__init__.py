"""What Stripe tells us, and what we ask it about."""
