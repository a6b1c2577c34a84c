"""Tell whether the machine's Node.js can build the pages: exit 0 if it is 20.19 or newer, with npm."""

import shutil
import subprocess
import sys

OLDEST = (20, 19)


def main() -> int:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return 1
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    major, minor, *_ = (int(part) for part in version.strip().lstrip("v").split("."))
    return 0 if (major, minor) >= OLDEST else 1


if __name__ == "__main__":
    sys.exit(main())
