"""The media node."""
