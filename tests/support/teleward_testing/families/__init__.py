"""Peers of other families: what a call may hold besides a page in Chromium."""
