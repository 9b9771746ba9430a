"""clang-format: check() finds what it would change; run as a program, it changes it."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from project import Finding, all_files, is_code

CLANG_FORMAT = "clang-format-19"
MESSAGE = re.compile(r"^([^\s:]+):(\d+):\d+: error: code should be clang-formatted", re.MULTILINE)


def _check_file(path):
    result = subprocess.run([CLANG_FORMAT, "--dry-run", "-Werror", path], capture_output=True, text=True)
    lines = sorted({int(match[2]) for match in MESSAGE.finditer(result.stderr)})
    if lines:
        more = f" (and {len(lines) - 1} more lines)" if len(lines) > 1 else ""
        return [Finding(path, lines[0], f"formatting{more}: ./dev lint --fix {path}")]
    if result.returncode != 0:
        return [Finding(path, 1, "clang-format: " + result.stderr.strip().split("\n")[0])]
    return []


def check(files):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [finding for found in pool.map(_check_file, filter(is_code, files)) for finding in found]


if __name__ == "__main__":
    code = [path for path in sys.argv[1:] or all_files() if is_code(path)]
    if code:
        subprocess.run([CLANG_FORMAT, "-i", *code], check=True)
