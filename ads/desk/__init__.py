"""Pages of the staff about ads."""
