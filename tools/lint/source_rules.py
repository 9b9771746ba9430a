"""Conventions of docs/CONTRIBUTING.md that can be seen in the text of a file."""

import re

from project import Finding, includes_of, is_code, text_of

LINES_MAX = 700
KERNEL_HEADERS = {"cstdint", "cstddef", "cstring", "immintrin.h"}
THIRD_PARTY = re.compile(
    r"^(boost/|simdjson|fmt/|spdlog/|CLI/|toml\+\+/|cctz/|roaring/|lz4|zstd|zlib\.h|liburing|sodium|xxhash|histedit"
    r"|editline/|utf8proc|benchmark/|prometheus/)")
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(work|home)/")

# Files and clocks come in through base/ alone, so that the simulated ones see everything.
DOORS = [
    (re.compile(r"^\s*#\s*include\s*<(fstream|filesystem|fcntl\.h|sys/stat\.h|liburing\.h)>"),
     "files are reached through base/file.h only"),
    (re.compile(r"(\b(fopen|pread|pwrite|fsync|fdatasync)|(?<![\w>])::open)\s*\("), "files are reached through base/file.h only"),
    (re.compile(r"\b(system|steady|high_resolution)_clock::now\b|\b(clock_gettime|gettimeofday|std::time)\s*\("),
     "time is read through base/clock.h only"),
]
BEHIND_DOORS = ("wal/", "engine/", "query/")


def _lines(path):
    return enumerate(text_of(path).split("\n"), 1)


def check_text(path):
    text = text_of(path)
    if "\r" in text:
        yield Finding(path, 1, "carriage returns: lines end in a line feed")
    if text and not text.endswith("\n"):
        yield Finding(path, text.count("\n") + 1, "the last line does not end")
    if text.count("\n") > LINES_MAX:
        yield Finding(path, LINES_MAX + 1, f"{text.count(chr(10))} lines: a file has at most {LINES_MAX}")
    for number, line in _lines(path):
        if line != line.rstrip():
            yield Finding(path, number, "spaces at the end of the line")
        if "\t" in line:
            yield Finding(path, number, "a tab")
        if UNFINISHED.search(line):
            yield Finding(path, number, "a note of unfinished work: finish it, or make it an issue")
        if MACHINE_PATH.search(line):
            yield Finding(path, number, "an absolute path of somebody's machine")


def check_code(path):
    if path.endswith(".h"):
        yield from _check_header(path)
    if path.endswith(("_kernels.cc", "_kernels.h")):
        yield from _check_kernel(path)
    if path.startswith(BEHIND_DOORS):
        for number, line in _lines(path):
            code = line.split("//")[0]
            for pattern, message in DOORS:
                if pattern.search(code):
                    yield Finding(path, number, message)


def _check_header(path):
    if "\n#pragma once\n" not in "\n" + text_of(path):
        yield Finding(path, 1, "a header says #pragma once")
    for include in includes_of(path):
        # The numbers of the reference interpreter are Boost's.
        reference = path.startswith("tests/support/query/")
        if not include.ours and not reference and THIRD_PARTY.match(include.name):
            yield Finding(path, include.line, f"<{include.name}> is included in .cc files only")
        if include.name == "iostream":
            yield Finding(path, include.line, "<iostream> is for .cc files; <iosfwd> declares streams")
    for number, line in _lines(path):
        if re.match(r"\s*using namespace\b", line):
            yield Finding(path, number, "no using namespace in a header")


def _check_kernel(path):
    for include in includes_of(path):
        if not include.ours and include.name not in KERNEL_HEADERS:
            yield Finding(path, include.line, f"a kernel does not include <{include.name}>: its AVX2 copy could be "
                          "linked into the baseline; allowed are " + ", ".join(sorted(KERNEL_HEADERS)))
        if include.ours and not include.name.endswith("_kernels.h"):
            yield Finding(path, include.line, f'a kernel includes no header of ours but *_kernels.h, and "{include.name}" '
                          "is none")


def check(files):
    for path in files:
        yield from check_text(path)
        if is_code(path):
            yield from check_code(path)
