"""The files of the project and what the checks share."""

import functools
import os
import re
import subprocess
from dataclasses import dataclass

LAYERS = ["base", "wal", "engine", "query", "server", "tools"]
CLANG = "clang++-19"

_INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Include:
    line: int
    name: str
    ours: bool  # written with quotes


def all_files():
    """Tracked files and new ones that git would not ignore, as long as they exist."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(names) if name and os.path.isfile(name))


def is_code(path):
    return path.endswith((".h", ".cc"))


def is_text(path):
    """What people write by hand: code, scripts, pages. Data is not."""
    return (path.endswith((".h", ".cc", ".py", ".sh", ".md", ".cmake", ".json"))
            or os.path.basename(path) in ("dev", "run", "CMakeLists.txt", ".clang-format", ".clang-tidy")
            ) and not path.startswith(("tests/golden/", "fuzz/corpus/"))


@functools.cache
def text_of(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


@functools.cache
def includes_of(path):
    found = []
    for number, line in enumerate(text_of(path).split("\n"), 1):
        match = _INCLUDE.match(line)
        if match:
            found.append(Include(number, match[2] or match[3], match[3] is not None))
    return found


def layer_of(path):
    """The folder a file's includes are judged by; None where everything may be included."""
    parts = path.split("/")
    if parts[0] == "tests" and len(parts) > 2:
        if parts[1] == "support":
            return parts[2] if parts[2] in ("engine", "query") else "wal"
        return parts[1] if parts[1] in LAYERS else None
    return parts[0] if parts[0] in LAYERS else None
