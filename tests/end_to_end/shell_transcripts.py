"""Replays the transcripts of a page: python3 shell_transcripts.py PAGE TALLY WORK_DIRECTORY [--write].

A transcript is a block fenced as ```transcript. A line that begins with "$ " is typed at a shell of the operating system, one
that begins with a prompt of `tally sql` at that prompt; what follows is what the terminal shows. Blocks go on where the one
before ended. Times and rates are not compared. With --write the page gets what the terminal shows now."""

import difflib
import os
import re
import sys

from pty_terminal import Terminal

ROWS, COLUMNS = 60, 90
PROMPTS = ("tally> ", "  ...> ")


def blocks_of(text):
    """The places of the transcripts in the page."""
    return [(match.start(1), match.end(1)) for match in re.finditer(r"^```transcript\n(.*?)^```$", text, re.M | re.S)]


def without_figures(text):
    text = re.sub(r"\b[0-9][0-9.,]* (ms|s)\b", "T", text)
    text = re.sub(r"[0-9,]+ rows/s", "R rows/s", text)
    return re.sub(r"[0-9]{2}:[0-9]{2}:[0-9]{2} UTC", "NOW", text)


class Replay:
    def __init__(self, tally, work):
        self.directory = os.path.join(work, "analyst")
        os.makedirs(os.path.join(work, "home"))
        os.makedirs(os.path.join(work, "bin"))
        os.makedirs(self.directory)
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        os.symlink(os.path.abspath(tally), os.path.join(work, "bin", "tally"))
        os.symlink(os.path.join(root, "data"), os.path.join(self.directory, "data"))
        self.environment = {"HOME": os.path.join(work, "home"), "PAGER": "",
                            "PATH": os.path.join(work, "bin") + ":" + os.environ["PATH"]}
        self.terminal = None  # of a `tally sql` that waits at its prompt

    def step(self, line):
        """Types one line of a transcript; the lines that it brings onto the terminal, itself included."""
        if line.startswith("$ "):
            assert self.terminal is None, "still within tally sql: " + line
            command = ["/bin/sh", "-c", line[2:]]
            terminal = Terminal(command, ROWS, COLUMNS, self.environment, self.directory)
            if re.match(r"\$ tally sql --data \w+$", line):
                terminal.prompt()
                self.terminal = terminal
                return [line] + terminal.screen.all_lines()[:terminal.screen.here()]
            terminal.wait()
            shown = terminal.dump().splitlines()
            return [line] + [text[2:].rstrip() for text in shown]
        begun = self.terminal.screen.here()
        self.terminal.type(line[len(PROMPTS[0]):] + "\r")
        if line[len(PROMPTS[0]):] == "\\q":
            assert self.terminal.wait() == 0
            self.terminal = None
            return [line]
        self.terminal.until(lambda: self.terminal.screen.here() > begun and self.terminal.line() + " " in PROMPTS, "a prompt")
        return self.terminal.screen.all_lines()[begun:self.terminal.screen.here()]

    def run(self, block):
        shown = []
        for line in block.splitlines():
            if line.startswith("$ ") or line.startswith(PROMPTS):
                shown += self.step(line)
        return "\n".join(shown) + "\n"


def replayed(page, tally, work):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    replay = Replay(tally, work)
    shown = [(begin, end, replay.run(text[begin:end])) for begin, end in blocks_of(text)]
    assert shown, "no transcripts in " + page
    return text, shown


def differences(page, tally, work):
    """Empty, or what the page says against what the terminal shows."""
    text, shown = replayed(page, tally, work)
    found = []
    for begin, end, now in shown:
        found += difflib.unified_diff(without_figures(text[begin:end]).splitlines(), without_figures(now).splitlines(),
                                      "the page", "the terminal", lineterm="")
    return "\n".join(found)


def write(page, tally, work):
    text, shown = replayed(page, tally, work)
    for begin, end, now in reversed(shown):
        text = text[:begin] + now + text[end:]
    with open(page, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    if "--write" in sys.argv:
        write(*sys.argv[1:4])
    else:
        print(differences(*sys.argv[1:4]))
