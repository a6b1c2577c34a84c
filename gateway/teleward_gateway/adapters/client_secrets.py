"""Client secrets of the gateway, as files in one folder; none is in a Kubernetes object of ours or in Redis."""

from pathlib import Path

from teleward_contract.units import Namespace


class ClientSecrets:
    """One file for each client, `<namespace>.<issuer>`, read whenever it is needed: a new secret needs no restart."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def find(self, namespace: Namespace, issuer: str) -> str | None:
        """The secret; None for a public client, which proves itself by PKCE alone.

        Raises:
            OSError: The file is there and cannot be read.
            UnicodeDecodeError: It is no text.
        """
        if self._folder is None:
            return None
        file = self._folder / f"{namespace}.{issuer}"
        return file.read_text("utf-8").strip() if file.is_file() else None
