"""Doubles, builders and running parts for the tests."""
