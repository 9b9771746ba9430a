"""Stories of the shell on a pseudo-terminal: python3 shell_stories.py STORY TALLY WORK_DIRECTORY.

A failed assertion is a failed story; it comes with the screen as a person would have seen it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import shell_transcripts  # noqa: E402
from pty_terminal import Terminal  # noqa: E402

TALLY, WORK = sys.argv[2], sys.argv[3]
DATA = os.path.join(WORK, "shop")
HOME = os.path.join(WORK, "home")
QUIET = {"PAGER": "", "HOME": HOME}


def tally(*words, **how):
    return subprocess.run([TALLY, *words], check=True, capture_output=True, text=True, **how).stdout


def new_shop():
    os.makedirs(HOME, exist_ok=True)
    tally("init", DATA)
    tally("sql", "--data", DATA, "-f", os.path.join(ROOT, "data", "impressions.sql"))
    tally("load", "--data", DATA, "--table", "impressions", "--replay", os.path.join(ROOT, "data", "open_bandit.csv.gz"))


def shell(*words, rows=30, columns=100, **environment):
    words = words or ("--data", DATA)
    terminal = Terminal([TALLY, "sql", *words], rows, columns, {**QUIET, **environment})
    terminal.prompt()
    return terminal


def cells(lines):
    return [cell.strip() for line in lines for cell in line.split(" | ")]


def leave(terminal):
    terminal.see("^tally>$")
    terminal.type("\x04")
    terminal.ends_with(0)


class Server:
    """The program, started on a port that is the same every time."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % probe.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen([TALLY, "serve", "--data", DATA, "--tcp", self.address, "--ops", "none"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "ready" not in (line := self.process.stdout.readline()):
            assert line, "the server ended before it was ready"

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()


def long_shop():
    """A shop in which long_script() takes a minute at least, however fast the machine is."""
    new_shop()
    tally("generate", "--events", "200000", "--days", "1", "--data", DATA)


def long_script():
    """A file with a statement that is ended before it ends by itself. No two of its sums are alike: those are computed once."""
    def sum_of(number):
        return "SUM(%s) AS s%d" % (" + ".join("ROUND(cost * %d.%03d / 7, 3)" % (number + 1, i) for i in range(40)), number)
    path = os.path.join(WORK, "long.sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write("SELECT " + ", ".join(sum_of(number) for number in range(160)) + " FROM ad_events.raw\n")
    return path


# --- stories -----------------------------------------------------------------------------------------------------------


def completion():
    """Tab completes words, tables, columns and values, over several lines; an ambiguous one lists them."""
    new_shop()
    terminal = shell()
    for typed, seen in [("sel\t", "tally> select$"), ("cam\t", "select campaign$"), (", SUM(cl\t", r"SUM\(clicks\)$"),
                        (" FROM imp\t", "FROM impressions$")]:
        terminal.type(typed)
        terminal.see(seen)
    terminal.type("\r")
    terminal.see(r"^  \.\.\.>$")
    for typed, seen in [("WHERE pol\t", "WHERE policy$"), ("= 'r\t", "policy = 'random'$"), ("AND campaign = '\t", "= '$")]:
        terminal.type(typed)
        terminal.see(seen)
    terminal.see_anywhere("\nmen +women\n")
    terminal.type("w\t")
    terminal.see("= 'women'$")
    terminal.type("GROUP BY 1;\r")
    terminal.see_anywhere(r"women +\| +46\n")
    terminal.prompt()
    for typed, seen in [("\\fo\t", r"\\format$"), ("js\t", "json$")]:
        terminal.type(typed)
        terminal.see(seen)
    terminal.settle()
    terminal.interrupt()
    terminal.type("SELECT zz\t")
    terminal.see("SELECT zz$")
    terminal.interrupt()
    leave(terminal)


def history():
    """The arrow keys and Ctrl-R bring back whole statements, of earlier shells too; a space in front keeps one out."""
    new_shop()
    terminal = shell()
    terminal.type("SELECT 17\r")
    terminal.see(r"\.\.\.>")
    assert "42" in cells(terminal.ask("+ 25 AS answer;"))
    assert "5" in cells(terminal.ask(" SELECT 5;"))
    terminal.type("\x1b[A")
    terminal.see("SELECT 5;")
    terminal.interrupt()
    leave(terminal)
    second = shell()
    assert "1" in cells(second.ask("SELECT 1;"))
    leave(second)
    with open(os.path.join(HOME, ".tally_history"), encoding="utf-8") as file:
        assert file.read() == "SELECT 17\\n+ 25 AS answer;\nSELECT 1;\n"
    assert os.stat(os.path.join(HOME, ".tally_history")).st_mode & 0o777 == 0o600
    third = shell()
    third.type("\x1b[A")
    third.see("tally> SELECT 1;$")
    third.type("\x1b[A")
    third.see(r"^\+ 25 AS answer;$")
    third.type("\r")
    third.see_anywhere("\n     42\n")
    third.prompt()
    third.type("\x12SELECT 1")
    third.see("SELECT 1")
    third.interrupt()
    leave(third)
    fourth = shell(TALLY_HISTORY="")
    fourth.ask("SELECT 99;")
    leave(fourth)
    with open(os.path.join(HOME, ".tally_history"), encoding="utf-8") as file:
        assert "99" not in file.read()


def cancel_in(terminal):
    begun = terminal.screen.here()
    terminal.type("\\i " + long_script() + "\r")
    time.sleep(0.5)
    sent = time.monotonic()
    terminal.type("\x03")
    terminal.see_anywhere("cancelled after", since=begun)
    took = time.monotonic() - sent
    terminal.prompt(begun)
    assert "2" in cells(terminal.ask("SELECT 1 + 1;"))
    return took


def cancel():
    """Ctrl-C stops what runs, not the shell, and clears what is half typed; embedded and remote."""
    long_shop()
    terminal = shell()
    took = cancel_in(terminal)
    terminal.type("SELECT 'half")
    terminal.see("half$")
    terminal.interrupt()
    terminal.type("SELECT 'a\r")
    terminal.see(r"^ \.\.\.'>$")
    terminal.interrupt()
    assert "3" in cells(terminal.ask("SELECT 3;"))
    leave(terminal)
    print("embedded: cancelled in %.0f ms" % (1000 * took))
    server = Server()
    terminal = shell("--server", server.address)
    took = cancel_in(terminal)
    leave(terminal)
    server.kill(signal.SIGTERM)
    print("remote: cancelled in %.0f ms" % (1000 * took))
    with open(os.path.join(WORK, "other.sql"), "w", encoding="utf-8") as file:
        file.write("SELECT 'not any more'")
    one = Terminal([TALLY, "sql", "--data", DATA, "-f", long_script(), "-f", os.path.join(WORK, "other.sql")], 24, 100, QUIET)
    time.sleep(0.5)
    one.type("\x03")
    one.ends_with(1)
    assert "cancelled" in one.dump() and "not any more" not in one.dump()


def interrupted_drawing():
    """Ctrl-C while the line is drawn, while Tab asks for what to show, and behind keys that were not read yet: it is heard at
    once, the line is gone, the shell is not, and all is well."""
    new_shop()
    terminal = shell()
    for _ in range(300):
        terminal.type("SELECT zz\t")
        terminal.see("SELECT zz$")
        terminal.interrupt()
    for _ in range(300):
        terminal.type("SELECT 'what is typed ahead'")
        terminal.see("SEL")
        terminal.interrupt()
    assert "4" in cells(terminal.ask("SELECT 4;"))
    leave(terminal)


def resize():
    """A window that changes while one types, and tables that fit the new one."""
    new_shop()
    terminal = shell(columns=100)
    wide = "SELECT campaign, policy, SUM(impressions) AS impressions, SUM(clicks) AS clicks FROM impressions GROUP BY ALL;"
    assert not any(line.startswith("row 1") for line in terminal.ask(wide))
    terminal.resize(20, 40)
    terminal.settle()
    assert "row 1" in terminal.ask(wide)
    terminal.type("SELECT ")
    terminal.see("SELECT")
    terminal.resize(30, 120)
    terminal.settle()
    terminal.type("'%s' AS x;" % ("y" * 90))
    terminal.see("^tally> SELECT 'y{90}' AS x;$")
    terminal.type("\r")
    terminal.prompt(terminal.screen.here())
    lines = terminal.ask("\\d impressions")
    assert lines[0].split(" | ")[0].strip() == "name" and max(map(len, lines)) <= 120, lines
    drawn = terminal.ask("SELECT time_bucket('1 hour', timestamp) AS h, SUM(clicks) FROM impressions GROUP BY h \\chart")
    assert 110 <= len(drawn[-2]) <= 120, drawn[-2]
    leave(terminal)


def paste():
    """A pasted script waits for Enter where the terminal marks pastes, and runs line by line where it does not."""
    new_shop()
    terminal = shell()
    text = "SELECT campaign,\n\tSUM(clicks) AS clicks -- pasted\nFROM impressions\nGROUP BY campaign ORDER BY 1;\nSELECT 7 AS seven;\n"
    terminal.paste(text)
    terminal.see("^SELECT 7 AS seven;$")
    terminal.settle()
    assert "115" not in terminal.dump()
    terminal.type("\r")
    terminal.see_anywhere(r"men +\|    115\n women +\|     92\n.*\n seven\n-------\n     7\n")
    terminal.prompt()
    terminal.type("\x1b[A")
    terminal.see("SELECT 7 AS seven;$")
    terminal.interrupt()
    terminal.type(text.replace("\n", "\r").replace("7", "8"))
    terminal.see_anywhere("\n     8\n")
    terminal.prompt()
    leave(terminal)


def dead_server():
    """A server that goes away is named, and the next statement finds it again once it is back."""
    long_shop()
    server = Server()
    terminal = shell("--server", server.address, columns=160)
    total = "SELECT SUM(impressions) AS total FROM impressions;"
    assert "40000" in cells(terminal.ask(total))
    server.kill()
    gone = terminal.ask(total)
    assert server.address in gone[-1] and "next statement connects again" in gone[-1], gone
    assert "Connection refused" in terminal.ask(total)[-1]
    server.start()
    back = terminal.ask(total)
    assert back[0] == "connected to %s again" % server.address, back
    assert "40000" in cells(back)
    # A restart that nobody saw costs a question nothing.
    server.kill(signal.SIGTERM)
    server.start()
    back = terminal.ask(total)
    assert "40000" in cells(back), back
    # A statement that runs when the server dies.
    begun = terminal.screen.here()
    terminal.type("\\i " + long_script() + "\r")
    time.sleep(0.3)
    server.kill()
    terminal.see_anywhere("next statement connects again", since=begun)
    terminal.prompt(begun)
    server.start()
    assert "40000" in cells(terminal.ask(total))
    leave(terminal)
    server.kill(signal.SIGTERM)
    ended = subprocess.run([TALLY, "sql", "--server", server.address, "-c", "SELECT 1"], capture_output=True, text=True)
    assert ended.returncode == 1 and "refused" in ended.stderr and ended.stdout == ""


def watch():
    """\\watch draws a live table in place until Ctrl-C, through a restart of the server."""
    new_shop()
    server = Server()
    terminal = shell("--server", server.address)
    terminal.type("SELECT SUM(duplicates) AS again FROM impressions \\watch 0.2\r")
    terminal.see_anywhere(r"UTC, every 200 ms; Ctrl-C ends\n again\n-+\n +0\n")
    tally("load", "--server", server.address, "--table", "impressions", "--replay",
          os.path.join(ROOT, "data", "open_bandit.csv.gz"))
    terminal.see_anywhere(r"\n again\n-+\n +40000\n")
    assert len(re.findall("again\n", terminal.dump())) == 1, terminal.dump()
    server.kill()
    terminal.see_anywhere("Connection refused|connects again")
    server.start()
    terminal.see_anywhere(r"\n again\n-+\n +40000\n")
    begun = terminal.screen.here()
    terminal.type("\x03")
    terminal.prompt(begun - 1)
    assert "2" in cells(terminal.ask("SELECT 2;"))
    assert terminal.ask("\\watch x")[-1].startswith("\\watch wants seconds")
    leave(terminal)
    server.kill(signal.SIGTERM)


def commands():
    """What is set, where results go, what an error says, how one leaves."""
    new_shop()
    with open(os.path.join(HOME, ".tallyrc"), "w", encoding="utf-8") as file:
        file.write("\\thousands on\n\\timing off\n")
    terminal = shell()
    assert terminal.ask("SELECT SUM(impressions) AS total FROM impressions;") == ["  total", "--------", " 40,000"]
    assert terminal.ask("\\thousands off") == ["thousands is off"]
    assert terminal.ask("\\x") == ["vertical is on: a line a value"]
    assert terminal.ask("SELECT 1 AS a, NULL AS b;") == ["row 1", "  a  1", "  b  NULL"]
    assert terminal.ask("\\x off")[0].startswith("vertical is off")
    assert terminal.ask("SELECT 1 AS a \\gx") == ["row 1", "  a  1"]
    assert terminal.ask("\\g") == [" a", "---", " 1"]
    assert terminal.ask("\\format csv") == ["format is csv"]
    assert terminal.ask("SELECT 1 AS a, NULL AS b;") == ["a,b", "1,"]
    assert terminal.ask("\\format tabel") == ['there is no format "tabel", did you mean "table"?']
    assert terminal.ask("\\format table") == ["format is table"]
    path = os.path.join(WORK, "out.json")
    assert terminal.ask("\\o " + path) == ["results go to %s as json, until \\o" % path]
    assert terminal.ask("SELECT 1 AS a;") == []
    assert terminal.ask("\\o")[0].startswith("the file is complete")
    with open(path, encoding="utf-8") as file:
        assert file.read() == '[\n  {"a": 1}\n]\n'
    script = os.path.join(WORK, "script.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write("SELECT 5 AS five;\n\\x on\n\nSELECT nope\n")
    included = terminal.ask("\\i " + script)
    assert included[:4] == [" five", "------", "    5", "vertical is on: a line a value"], included
    assert included[4].endswith('script.sql:4: unknown name "nope": there is no FROM at 4:8'), included
    assert terminal.ask("\\x auto")
    begun = terminal.screen.here()
    assert terminal.ask("SELECT SUM(click) FROM impressions;")[0] == " " * 18 + "^"
    assert terminal.ask("\\wacth")[-1] == 'there is no command \\wacth, did you mean "\\watch"? \\? lists them'
    assert terminal.ask("SELECT nope; SELECT 1;")[-1] == "what stood behind it was not run"
    assert terminal.ask("SELECT 'x\x1b[2Jy\u202ez' AS \"a\tb\";".replace("\x1b", "\x16\x1b"))[-1].count("\\x1b[2Jy\\u202ez") == 1
    assert " 漢字 | e\u0301" in terminal.ask("SELECT '漢字' AS a, 'e\u0301' AS b;")
    assert begun < terminal.screen.here()
    terminal.type(b"SELECT 'caf\xe9';\r")
    terminal.see_anywhere("caf\ufffd'?\n")
    terminal.prompt()
    terminal.type("quit\r")
    terminal.ends_with(0)


def pager():
    """What is longer than the screen goes through PAGER, and a pager that is not there loses nothing."""
    new_shop()
    seen = os.path.join(WORK, "paged")
    terminal = shell(PAGER="cat > " + seen)
    many = "SELECT item_id, SUM(impressions) AS n FROM impressions GROUP BY 1 ORDER BY 1;"
    assert len(terminal.ask(many)) == 1  # the last line
    with open(seen, encoding="utf-8") as file:
        assert len(file.read().splitlines()) > 40
    assert len(terminal.ask("SELECT 1;")) == 4
    terminal.ask("\\pager off")
    assert len(terminal.ask(many)) > 40
    leave(terminal)
    terminal = shell(PAGER="no-such-pager-at-all 2>/dev/null")
    lines = terminal.ask(many)
    assert len(lines) > 40 and "could not be started" in lines[0], lines[0]
    leave(terminal)
    # Whoever leaves the pager early is asked for nothing more.
    terminal = shell(PAGER="head -1")
    assert terminal.ask(many)[0].split() == ["item_id", "|", "n"]
    leave(terminal)


def pipes():
    """TSV and silence in a pipe, exit codes, a reader that leaves."""
    new_shop()

    def run(*words, **how):
        return subprocess.run([TALLY, "sql", "--data", DATA, *words], capture_output=True, text=True, **how)

    ended = run("-c", "SELECT 1 AS a, NULL AS b, 'x\ty' AS c")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "a\tb\tc\n1\t\\N\tx\\ty\n", ""), ended
    ended = run(input="SELECT 1 AS a;\n\\format csv\nSELECT 'x,y' AS b")
    assert (ended.returncode, ended.stdout) == (0, 'a\n1\nb\n"x,y"\n'), ended
    ended = run("-c", "SELECT nope", "-c", "SELECT 1")
    assert ended.returncode == 1 and ended.stdout == "" and "^" in ended.stderr, ended
    assert run("-c", "\\nope").returncode == 1
    assert run("--format", "xml").returncode == 2
    assert "did you mean \"--format\"" in run("--fromat", "csv").stderr
    assert run("-c", "\\q", "-c", "SELECT 1").returncode == 0
    ended = run("-c", "SELECT SUM(clicks) AS n FROM impressions \\watch 0.1 3")
    assert ended.stdout == "n\n207\n" * 3, ended
    full = subprocess.run([TALLY, "sql", "--data", DATA, "-c", "SELECT 1"], stdout=open("/dev/full", "w", encoding="utf-8"),
                          stderr=subprocess.PIPE, text=True, check=False)
    assert full.returncode == 1 and "could not be written" in full.stderr, full
    rows = "SELECT * FROM impressions.raw"
    piped = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" sql --data "$1" -c "$2" -c "$2" -c "$2" | head -1', TALLY, DATA, rows],
                           capture_output=True, text=True, check=False)
    assert piped.stdout.count("\n") == 1 and piped.stderr == "" and piped.returncode == 1, piped
    assert subprocess.run([TALLY, "check", DATA], capture_output=True, check=False).returncode == 0


def progress():
    """load and generate say how far they are on a terminal, and nothing of it in a pipe."""
    os.makedirs(HOME, exist_ok=True)
    tally("init", DATA)
    tally("sql", "--data", DATA, "-f", os.path.join(ROOT, "data", "impressions.sql"))
    load = [TALLY, "load", "--data", DATA, "--table", "impressions", "--replay", "--batch", "500", "--rate", "20000",
            os.path.join(ROOT, "data", "open_bandit.csv.gz")]
    terminal = Terminal(load, 24, 80, QUIET)
    terminal.see(r"^[0-9,]+ rows, [0-9]+ %, [0-9,]+ rows/s, .* left$")
    terminal.ends_with(0)
    assert "accepted" in terminal.dump() and " left" not in terminal.dump()
    generate = [TALLY, "generate", "--events", "60000", "--days", "1", "--rate", "30000", "--data", DATA]
    terminal = Terminal(generate, 24, 80, QUIET)
    terminal.see(r"^[0-9,]+ rows, [0-9]+ %, [0-9,]+ rows/s, .* left$")
    terminal.ends_with(0)
    terminal = Terminal(generate, 24, 30, QUIET)
    terminal.see("…$")
    terminal.type("\x03")
    terminal.ends_with(1)  # not all of it is there
    for command in (load, generate):
        quiet = subprocess.run(command, capture_output=True, text=True, check=False)
        assert quiet.returncode == 0 and "\r" not in quiet.stderr and "left" not in quiet.stderr, quiet


def statement_progress():
    """A statement says how far it is after two seconds, on a terminal only."""
    long_shop()
    terminal = shell()
    terminal.type("\\i " + long_script() + "\r")
    terminal.see(r"^([0-9,]+ rows read, [0-9,]+ rows/s, )?[2-9].* s; Ctrl-C cancels$")
    begun = terminal.screen.here()
    terminal.type("\x03")
    terminal.see_anywhere("cancelled after", since=begun)
    terminal.prompt()
    leave(terminal)


def ended():
    """A polite kill, and a terminal that goes away, end the shell in order: the database is closed."""
    long_shop()
    terminal = shell()
    terminal.ask("SELECT 1;")
    os.kill(terminal.child, signal.SIGTERM)
    terminal.ends_with(0)
    tally("check", DATA)
    terminal = shell()
    terminal.type("\\i " + long_script() + "\r")
    time.sleep(0.3)
    os.kill(terminal.child, signal.SIGHUP)
    terminal.wait()
    assert terminal.code in (0, 1)
    tally("check", DATA)


def transcripts():
    """docs/SHELL.md shows what happens."""
    differences = shell_transcripts.differences(os.path.join(ROOT, "docs", "SHELL.md"), TALLY, WORK)
    assert not differences, differences


STORIES = {story.__name__: story for story in (completion, history, cancel, interrupted_drawing, resize, paste, dead_server, watch,
                                               commands, pager, pipes, progress, statement_progress, ended, transcripts)}

if __name__ == "__main__":
    os.makedirs(WORK, exist_ok=True)
    STORIES[sys.argv[1]]()
    print("told")
