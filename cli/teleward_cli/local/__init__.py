"""Teleward on one machine: its files, its processes, and what they show."""
