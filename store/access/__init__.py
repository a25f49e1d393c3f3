"""What somebody may hear and download, and why."""
