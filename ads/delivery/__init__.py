"""Which ad is shown: chosen, offered, and written down."""
