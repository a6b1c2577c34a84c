"""Where one instance keeps its files."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA = Path(".teleward")
"""In the current directory, so that a project's instance is found from where one works on it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files below `--data`. Everything but the logs is readable by its owner alone."""

    root: Path

    @property
    def run_file(self) -> Path:
        """Who runs this instance and how to ask it; there only while `teleward up` runs."""
        return self.root / "run.json"

    @property
    def lock_file(self) -> Path:
        """Held by the running `teleward up`."""
        return self.root / "lock"

    @property
    def kubeconfig(self) -> Path:
        """For `kubectl` and the operator."""
        return self.root / "kubeconfig"

    @property
    def objects_file(self) -> Path:
        """The stand-in's objects."""
        return self.root / "objects.jsonl"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.root / "logs"

    @property
    def store(self) -> Path:
        """Working directory of Redis, which writes nothing."""
        return self.root / "redis"

    def secret(self, name: str) -> Path:
        """A key or token."""
        return self.root / "keys" / name

    def log(self, process: str) -> Path:
        """The log of one process."""
        return self.logs / f"{process.replace('/', '_')}.log"

    def prepare(self) -> None:
        """Make the directories."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for directory in (self.logs, self.store, self.secret("")):
            directory.mkdir(exist_ok=True, mode=0o700)
