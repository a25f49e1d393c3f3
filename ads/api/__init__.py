"""What pages beside music and the extension ask for."""
