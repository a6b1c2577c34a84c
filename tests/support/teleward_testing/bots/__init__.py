"""Packet bots: cheap participants that really join, and replay what was encoded once."""
