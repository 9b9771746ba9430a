"""Includes: written from the top of the tree, only from the left in the order of layers, and without circles."""

import os

from project import LAYERS, Finding, includes_of, is_code, layer_of

# What only tests may include: the folders that are no layer.
TEST_FOLDERS = ("tests/", "fuzz/")


def _layer_needed(path):
    """The layer from which on a file may be included. Every test links tests/support, whatever it is made of."""
    if path.startswith("tests/support/") and not path.startswith(("tests/support/engine/", "tests/support/query/")):
        return None
    return layer_of(path)


def _check_file(path):
    layer = layer_of(path)
    in_tests = path.startswith(TEST_FOLDERS)
    for include in includes_of(path):
        top = include.name.split("/")[0]
        if not include.ours:
            if top in LAYERS and os.path.isfile(include.name):
                yield Finding(path, include.line, f'<{include.name}> is a file of ours: write "{include.name}"')
            continue
        if not os.path.isfile(include.name):
            yield Finding(path, include.line, f'"{include.name}" is no file; includes are written from the top of the tree')
            continue
        if include.name.startswith(TEST_FOLDERS) and not in_tests and not path.startswith("tools/bench/"):
            yield Finding(path, include.line, f'"{include.name}" is for tests')
        target = _layer_needed(include.name)
        if layer and target and LAYERS.index(target) > LAYERS.index(layer):
            yield Finding(path, include.line, f'{layer}/ does not include "{include.name}": layers are '
                          + " <- ".join(LAYERS))


def _circles(headers):
    """Depth-first over the graph of headers; one finding a circle, at the include that closes it."""
    known = set(headers)
    state = {}
    for root in headers:
        stack = [(root, iter(includes_of(root)))]
        state.setdefault(root, "new")
        if state[root] != "new":
            continue
        state[root] = "open"
        while stack:
            path, rest = stack[-1]
            include = next(rest, None)
            if include is None:
                state[path] = "done"
                stack.pop()
            elif include.ours and include.name in known:
                seen = state.get(include.name, "new")
                if seen == "open":
                    yield Finding(path, include.line, f'"{include.name}" includes this file in turn')
                elif seen == "new":
                    state[include.name] = "open"
                    stack.append((include.name, iter(includes_of(include.name))))


def check(files, everything):
    for path in files:
        if is_code(path):
            yield from _check_file(path)
    circles = _circles([path for path in everything if path.endswith(".h")])
    yield from (finding for finding in circles if finding.path in files)
