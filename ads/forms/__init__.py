"""What people type about ads."""
