"""The studio: where artists upload, describe, price and publish. Pages use ids; only their owner can open them."""
