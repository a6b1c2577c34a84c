"""The API stand-in: the smallest Kubernetes API server on which Kopf and `kubectl` work unchanged.

It serves the kinds of `crds/` and the few built-in ones that they need. It is never the proof: where it
differs from a real kube-apiserver, it is wrong.
"""
