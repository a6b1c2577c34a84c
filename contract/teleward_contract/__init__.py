"""What two Teleward processes must agree on, and nothing else."""
