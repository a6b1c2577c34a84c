"""Measurements of the running parts; each prints one JSON report."""
