"""Shell scripts parse, and nothing in ./dev's folder is out of reach of it."""

import subprocess

from project import Finding


def check(files):
    for path in files:
        if path.endswith(".sh") or path in ("dev", ".ci/run"):
            result = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
            if result.returncode != 0:
                yield Finding(path, 1, result.stderr.strip().split("\n")[0])
