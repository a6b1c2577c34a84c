"""The outside world of the operator."""
