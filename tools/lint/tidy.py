"""./dev lint --tidy: clang-tidy over the .cc files named, or over all, with the compile commands of the debug build."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from project import Finding

BUILD = "build/debug"
MESSAGE = re.compile(r"^([^\s:]+):(\d+):\d+: (?:warning|error): (.*)$", re.MULTILINE)


def _compiled():
    with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as file:
        return sorted({os.path.relpath(entry["file"]) for entry in json.load(file)})


def _tidy(path):
    result = subprocess.run(["clang-tidy-19", "-p", BUILD, "--quiet", path], capture_output=True, text=True)
    return {Finding(os.path.relpath(match[1]), int(match[2]), match[3]) for match in MESSAGE.finditer(result.stdout)}


def main(arguments):
    files = [path for path in _compiled() if not arguments or path in arguments]
    findings = set()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(_tidy, files):
            findings |= found
    for finding in sorted(findings):
        print(finding)
    print(f"clang-tidy: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
