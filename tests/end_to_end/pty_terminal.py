"""A terminal for tests: a program on a pseudo-terminal, and the screen that a person would see.

    terminal = Terminal(["tally", "sql", "--data", "shop"], columns=100)
    terminal.prompt()                      # waits for it
    lines = terminal.ask("SELECT 1;")      # types it, waits for the next prompt, returns what stands between
    terminal.type("SEL\\t")
    terminal.see("SELECT ")                # waits until that stands in the line of the cursor

Knows the control sequences that line editors and our own program send, and fails on any other."""

import atexit
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

PATIENCE = 60.0  # seconds until a test says that something does not come; nothing is measured by it


def width_of(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Screen:
    """What stands where, from the bytes that a program writes. Lines that left the top are kept."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.gone = []
        self.lines = [[] for _ in range(rows)]
        self.y = self.x = 0
        self.pending = ""
        self.pastes_are_marked = False
        self.inserts = False

    def resize(self, rows, columns):
        while len(self.lines) > rows:
            if self.y > 0:
                self.gone.append(self.lines.pop(0))
                self.y -= 1
            else:
                self.lines.pop()
        while len(self.lines) < rows:
            self.lines.append([])
        self.rows, self.columns = rows, columns
        self.x = min(self.x, columns - 1)

    def feed(self, text):
        text, self.pending = self.pending + text, ""
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self.put(text[at])
                at += 1
                continue
            match = re.compile(r"\x1b(?:\[([?]?)([0-9;]*)([@A-Za-z])|([=>78M])|\([B0])").match(text, at)
            if not match:
                assert len(text) - at < 20, "an unknown control sequence: %r" % text[at:at + 20]
                self.pending = text[at:]
                return
            if match.group(3):
                numbers = [int(n) if n else 0 for n in match.group(2).split(";")]
                self.control(match.group(1), numbers, match.group(3))
            at = match.end()

    def control(self, private, numbers, letter):
        count = max(numbers[0], 1)
        line = self.lines[self.y]
        if private:
            if numbers[0] == 2004:
                self.pastes_are_marked = letter == "h"
        elif letter == "A":
            self.y = max(0, self.y - count)
        elif letter == "B":
            self.y = min(self.rows - 1, self.y + count)
        elif letter == "C":
            self.x = min(self.columns - 1, self.x + count)
        elif letter == "D":
            self.x = max(0, self.x - count)
        elif letter == "F":
            self.y, self.x = max(0, self.y - count), 0
        elif letter == "G":
            self.x = count - 1
        elif letter == "H":
            self.y = min(self.rows, count) - 1
            self.x = max(numbers[1], 1) - 1 if len(numbers) > 1 else 0
        elif letter == "J":
            if numbers[0] == 2:
                self.lines = [[] for _ in range(self.rows)]
            else:
                del line[self.x:]
                for row in range(self.y + 1, self.rows):
                    self.lines[row] = []
        elif letter == "K":
            if numbers[0] == 0:
                del line[self.x:]
            else:
                self.lines[self.y] = []
        elif letter == "P":
            del line[self.x:self.x + count]
        elif letter == "@":
            line[self.x:self.x] = [" "] * count
        elif letter in "hl" and numbers[0] == 4:
            self.inserts = letter == "h"
        else:
            assert letter in "mhl", "an unknown control sequence: %r" % ((private, numbers, letter),)

    def put(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\n":
            self.down()
        elif char == "\b":
            self.x = max(0, self.x - 1)
        elif char == "\t":
            self.x = min(self.columns - 1, (self.x // 8 + 1) * 8)
        elif char == "\x07":
            pass
        else:
            assert ord(char) >= 0x20 and not 0x7F <= ord(char) < 0xA0, "a raw control character: %r" % char
            self.draw(char)

    def draw(self, char):
        width = width_of(char)
        line = self.lines[self.y]
        if width == 0:
            if self.x > 0 and self.x <= len(line):
                line[self.x - 1] += char
            return
        if self.x + width > self.columns:
            self.x = 0
            self.down()
            line = self.lines[self.y]
        if self.inserts:
            line[self.x:self.x] = [" "] * width
            del line[self.columns:]
        line.extend(" " * (self.x + width - len(line)))
        line[self.x] = char
        if width == 2:
            line[self.x + 1] = ""
        self.x += width

    def down(self):
        self.y += 1
        if self.y == self.rows:
            self.gone.append(self.lines.pop(0))
            self.lines.append([])
            self.y -= 1

    @staticmethod
    def text_of(line):
        return "".join(line).rstrip()

    def all_lines(self):
        return [self.text_of(line) for line in self.gone + self.lines]

    def here(self):
        """The number of the line with the cursor, lines that left the top counted."""
        return len(self.gone) + self.y


class Terminal:
    PROMPT = "tally>"

    def __init__(self, command, rows=30, columns=100, environment=None, directory=None):
        self.screen = Screen(rows, columns)
        self.raw = b""
        self.decoder = __import__("codecs").getincrementaldecoder("utf-8")("strict")
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", "LINES": "", "COLUMNS": ""}, **(environment or {}))
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            if directory:
                os.chdir(directory)
            for word in (signal.SIGINT, signal.SIGPIPE, signal.SIGTSTP):
                signal.signal(word, signal.SIG_DFL)
            os.execv(command[0], command)
        self.code = None
        atexit.register(self.kill)

    def kill(self):
        if self.code is None:
            os.kill(self.child, signal.SIGKILL)
            self.wait()

    def wait(self):
        """The exit code, once the program has ended by itself."""
        self.until(lambda: False, "the end", or_end=True)
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
            os.close(self.file)
        return self.code

    def ends_with(self, code):
        """The program ends by itself, with that exit code."""
        assert self.wait() == code, "it ended with %d, not %d\n%s" % (self.code, code, self.dump())

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        """True: something came. None: the program has closed the terminal."""
        if not select.select([self.file], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.file, 65536)
        except OSError:
            return None
        if not data:
            return None
        self.raw += data
        self.screen.feed(self.decoder.decode(data))
        return True

    def until(self, seen, what, or_end=False):
        deadline = time.monotonic() + PATIENCE
        while not seen():
            came = self.read(0.05)
            if came is None:
                if or_end:
                    return
                raise AssertionError("the program ended; wanted: %s\n%s" % (what, self.dump()))
            assert time.monotonic() < deadline, "waited in vain for %s\n%s" % (what, self.dump())

    def settle(self, seconds=0.15):
        """Whatever comes until nothing has for a while."""
        while self.read(seconds):
            pass

    def type(self, text):
        os.write(self.file, text.encode() if isinstance(text, str) else text)

    def paste(self, text):
        assert self.screen.pastes_are_marked
        self.type("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")

    def line(self):
        return Screen.text_of(self.screen.lines[self.screen.y])

    def see(self, pattern):
        """Until the pattern stands in the line of the cursor."""
        self.until(lambda: re.search(pattern, self.line()), "%r in the line of the cursor" % pattern)

    def see_anywhere(self, pattern, since=0):
        self.until(lambda: re.search(pattern, "\n".join(self.screen.all_lines()[since:])), "%r" % pattern)

    def prompt(self, behind=-1, prompt=PROMPT):
        """Until an empty prompt stands below line number `behind`."""
        self.until(lambda: self.screen.here() > behind and self.line() == prompt, "a prompt")

    def ask(self, text, prompt=PROMPT):
        begun = self.screen.here()
        self.type(text + "\r")
        self.prompt(begun, prompt)
        return self.screen.all_lines()[begun + 1:self.screen.here()]

    def interrupt(self, prompt=PROMPT):
        """Ctrl-C, and the prompt below. What is typed before it stands may be lost: the terminal is not ready for it."""
        begun = self.screen.here()
        self.type("\x03")
        self.prompt(begun, prompt)

    def dump(self):
        return "\n".join("| " + line for line in self.screen.all_lines()).rstrip("| \n")
