"""A real Kubernetes control plane for the cluster tests: its programs, and how it is run."""
