"""./dev mutants [FILTER]: plants each bug of mutants.py in a copy of the tree, builds the tests that should catch it and runs
them. Prints which did. A bug that no test catches, and a text that is not there any more, fail the run.

The copy with its build stays in build/mutants/; objects come from the compiler's cache, as the flags are those of the release.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutants import MUTANTS  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "mutants" / "tree"
BUILD = COPY / "build" / "release"  # as deep as that of the tree: the compiler's cache tells paths apart
TEST_SECONDS_MAX = 900
ORIGINALS = {}  # by file: what the copy held before anything was planted


def copy_tree():
    """Files that differ only, so that the build knows what is new; what is gone goes."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split("\n")
    names = {name for name in listed if name and (ROOT / name).is_file()}
    if COPY.exists():
        for path in COPY.rglob("*"):
            name = str(path.relative_to(COPY))
            if path.is_file() and name not in names and not name.startswith("build/"):
                path.unlink()
    for name in names:
        source, target = ROOT / name, COPY / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


def configure():
    subprocess.run(["cmake", "--preset", "release"], cwd=COPY, check=True, stdout=subprocess.DEVNULL)


def build(targets):
    """What the compiler said, or None."""
    ran = subprocess.run(["ninja", "-C", str(BUILD), "-j", str(os.cpu_count()), *targets], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if ran.returncode == 0 else ran.stdout[-2000:]


def run_test(binary, cases):
    """None if all passed, else the first test case that did not."""
    command = [str(BUILD / binary), "--abort-after=1"] + ([f"--test-case={cases}"] if cases else [])
    try:
        ran = subprocess.run(command, cwd=COPY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=TEST_SECONDS_MAX, errors="replace")
    except subprocess.TimeoutExpired:
        return f"{binary}: no end within {TEST_SECONDS_MAX} s"
    if ran.returncode == 0:
        return None
    case = re.search(r"^TEST CASE:\s*(.*(?:\n  .*)*)", ran.stdout, re.MULTILINE)
    if case is None:
        return f"{binary}: it died"
    return f"{binary}: " + " ".join(case.group(1).split())


def plant(mutant):
    path = COPY / mutant.file
    text = ORIGINALS.setdefault(mutant.file, path.read_text())
    found = text.count(mutant.old)
    if found != 1:
        return f"the text to replace stands in {mutant.file} {found} times, not once: tests/mutants/mutants.py is behind"
    path.write_text(text.replace(mutant.old, mutant.new))
    return None


def pull_out(mutant):
    """From the copy alone: the tree may have changed since."""
    path = COPY / mutant.file
    path.write_text(ORIGINALS[mutant.file])


def hunt(mutant):
    """(caught, what to say)"""
    problem = plant(mutant)
    if problem:
        return False, problem
    try:
        for binary, cases in mutant.tests:
            problem = build([binary])
            if problem:
                return False, "it does not compile:\n" + problem
            caught = run_test(binary, cases)
            if caught:
                return True, caught
        return False, "no test caught it"
    finally:
        pull_out(mutant)


def main():
    chosen = [mutant for mutant in MUTANTS if all(word.lower() in mutant.name.lower() for word in sys.argv[1:])]
    if not chosen:
        sys.exit("./dev mutants: there is none of that name")
    copy_tree()
    stale = [mutant for mutant in chosen if (COPY / mutant.file).read_text().count(mutant.old) != 1]
    for mutant in stale:
        print(f"STALE     {mutant.name}: {mutant.file}")
    if stale:
        sys.exit("./dev mutants: texts to replace are not there once; tests/mutants/mutants.py is behind the code")
    configure()
    suites = sorted({test for mutant in chosen for test in mutant.tests})
    problem = build(sorted({binary for binary, _ in suites}))
    if problem:
        sys.exit("./dev mutants: the tree itself does not build\n" + problem)
    for binary, cases in suites:
        failed = run_test(binary, cases)
        if failed:
            sys.exit(f"./dev mutants: without any planted bug this fails: {failed}")
    survivors = 0
    begun = time.monotonic()
    for mutant in chosen:
        caught, said = hunt(mutant)
        survivors += not caught
        print(f"{'caught  ' if caught else 'SURVIVED'}  {mutant.name}\n            {said}", flush=True)
    print(f"mutants: {len(chosen)} planted, {len(chosen) - survivors} caught, {survivors} survived; "
          f"{time.monotonic() - begun:.0f} s")
    sys.exit(1 if survivors else 0)


main()
