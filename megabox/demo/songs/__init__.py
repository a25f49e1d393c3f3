"""The songs of the demo catalogue. Every note is our own; all of it is released under CC0 1.0."""
