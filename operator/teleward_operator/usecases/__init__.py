"""What the operator does, over ports alone."""
