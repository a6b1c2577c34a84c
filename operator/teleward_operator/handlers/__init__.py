"""Kopf events: seen, remembered, marked dirty; nothing is decided here."""
