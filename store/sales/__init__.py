"""From a cart to music that is paid for."""
