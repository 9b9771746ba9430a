"""Relative links in pages lead to files and headings that exist."""

import os
import re

from project import Finding, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def _anchor(heading):
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _prose(path):
    """Lines outside fenced blocks, inline code blanked."""
    fenced = False
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def _anchors(path):
    return {_anchor(line.lstrip("#")) for _, line in _prose(path) if line.startswith("#")}


def _check_link(path, number, link):
    if re.match(r"[a-z]+:", link):
        return
    name, _, anchor = link.partition("#")
    target = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(target):
        yield Finding(path, number, f"link to {link}: there is no {target}")
    elif anchor and target.endswith(".md") and anchor not in _anchors(target):
        yield Finding(path, number, f"link to {link}: {target} has no such heading")


def check(files):
    for path in files:
        if path.endswith(".md"):
            for number, line in _prose(path):
                for match in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
                    yield from _check_link(path, number, match[1])
