"""The browser extension, and the sites it may replace ads on."""
