"""Every header compiles alone. Results are kept in build/lint/ by the content of the header and all it includes."""

import functools
import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from project import CLANG, Finding, includes_of, text_of

CACHE = "build/lint/headers.json"
FLAGS = ["-std=c++23", "-fsyntax-only", "-I.", "-Wall", "-Wextra", "-Wthread-safety", "-Wno-deprecated-declarations",
         "-Werror", "-x", "c++", "-"]


@functools.cache
def _closure(path):
    """The header and every file of ours below it."""
    seen, queue = {path}, [path]
    while queue:
        for include in includes_of(queue.pop()):
            if include.ours and include.name not in seen and os.path.isfile(include.name):
                seen.add(include.name)
                queue.append(include.name)
    return sorted(seen)


def _key(path, compiler):
    digest = hashlib.sha256((compiler + " ".join(FLAGS) + path).encode())
    for name in _closure(path):
        digest.update(name.encode() + b"\0" + text_of(name).encode() + b"\0")
    return digest.hexdigest()


def _compile(path):
    result = subprocess.run([CLANG, *FLAGS], input=f'#include "{path}"\n', capture_output=True, text=True)
    if result.returncode == 0:
        return None
    match = re.search(r"^(?:\./)?([^\s:]+):(\d+):\d+: (?:fatal )?error: (.*)$", result.stderr, re.MULTILINE)
    if not match:
        return Finding(path, 1, "does not compile alone: " + result.stderr.strip().split("\n")[0])
    return Finding(match[1], int(match[2]), f"{path} does not compile alone: {match[3]}")


def _load():
    try:
        with open(CACHE, encoding="utf-8") as file:
            return set(json.load(file))
    except (OSError, ValueError):
        return set()


def _store(keys):
    os.makedirs(os.path.dirname(CACHE), exist_ok=True)
    with open(CACHE + ".new", "w", encoding="utf-8") as file:
        json.dump(sorted(keys), file)
    os.replace(CACHE + ".new", CACHE)


def check(files):
    compiler = subprocess.run([CLANG, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    headers = {path: _key(path, compiler) for path in files if path.endswith(".h")}
    good = _load()
    stale = [path for path, key in headers.items() if key not in good]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(_compile, stale))
    good.update(headers[path] for path, finding in zip(stale, results) if finding is None)
    _store(good)
    return [finding for finding in results if finding]
