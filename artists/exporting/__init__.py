"""All that is an artist's, to keep: their masters byte for byte, and whatever was said of them, in files to be read.

`documents` writes what is said, `exports` gets a zip ready and computes it while it is sent.
"""
