"""What the staff see: the comparison with Stripe, disputes and other cases."""
