"""The kubeconfig of the API stand-in."""

import base64
import json
from pathlib import Path

from teleward_cli.local import material


def write(path: Path, server: str, certificate: Path, token: str) -> None:
    """Write a kubeconfig with one cluster and one user. JSON is YAML."""
    name = "teleward"
    cluster = {
        "server": server,
        "certificate-authority-data": base64.b64encode(certificate.read_bytes()).decode(),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    material.write_private(path, json.dumps(document, indent=2) + "\n")
