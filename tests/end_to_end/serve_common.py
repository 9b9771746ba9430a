"""What the stories of the real server share: a server as a process, rows, and where everything is (from the command line of the
story: STORY TALLY WORK_DIRECTORY)."""

import atexit
import csv
import datetime
import gzip
import http.client
import os
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "server"))
import tally_client as tc  # noqa: E402

TALLY, WORK = sys.argv[2], sys.argv[3]
DATA = os.path.join(WORK, "shop")
SMALL = "CREATE TABLE clicks (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', country STRING DIMENSION, n INT64 FIELD, total MEASURE SUM(n))"


def tally(*words):
    return subprocess.run([TALLY, *words], check=True, capture_output=True, text=True).stdout


class Server:
    """The program, started; its ports are chosen by the kernel and read from what it prints."""

    def __init__(self, *words, settings=None, data=DATA):
        environment = dict(os.environ, **{"TALLY_" + k.upper().replace(".", "_"): str(v) for k, v in (settings or {}).items()})
        self.log = open(os.path.join(WORK, "server.log"), "a", encoding="utf-8")
        if "--tcp" not in words:
            words = ("--tcp", "127.0.0.1:0", *words)
        command = [TALLY, "serve", "--data", data, "--ops", "127.0.0.1:0", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        atexit.register(self.process.kill)  # of a story that fails; nothing where it has ended
        said = {}
        while "ready" not in said:
            line = self.process.stdout.readline()
            assert line, "the server ended before it was ready: " + open(self.log.name, encoding="utf-8").read()
            word, _, rest = line.strip().partition(" ")
            said[word] = rest
        self.address, self.ops = said["ready"], said["ops"]

    def kill(self, how):
        self.process.send_signal(how)

    def wait(self):
        code = self.process.wait(120)
        self.process.stdout.close()
        self.log.close()
        return code

    def stop(self):
        self.kill(signal.SIGTERM)
        assert self.wait() == 0

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection(self.ops, timeout=30)
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def resident(self):
        """Bytes of memory."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024

    def wait_for_connections(self, count):
        while self.metric("tally_connections") != count:
            time.sleep(0.02)

    def answered(self):
        return self.metric("tally_batches_answered_total")

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError("no metric " + name)


def new_database(*statements):
    tally("init", DATA)
    for statement in statements:
        tally("sql", "--data", DATA, "-c", statement)


def bandit():
    """The rows of the Open Bandit file."""
    with gzip.open(os.path.join(ROOT, "data", "open_bandit.csv.gz"), "rt", newline="") as file:
        for row in csv.DictReader(file):
            when = datetime.datetime.fromisoformat(row["timestamp"])
            since = when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
            row["timestamp"] = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            row["click"] = int(row["click"])
            yield row


def bandit_batches(size):
    rows = list(bandit())
    assert len(rows) == 40_000
    return [rows[i:i + size] for i in range(0, len(rows), size)]


def bandit_table():
    with open(os.path.join(ROOT, "data", "impressions.sql"), encoding="utf-8") as file:
        return file.read()


def expect_truth(address):
    asked = tc.Connection(address)
    _, rows, _ = asked.query("SELECT campaign, policy, SUM(impressions), SUM(clicks) FROM impressions "
                             "GROUP BY campaign, policy ORDER BY campaign, policy")
    assert rows == [["men", "bts", 10_000, 69], ["men", "random", 10_000, 46],
                    ["women", "bts", 10_000, 46], ["women", "random", 10_000, 46]], rows
    _, rows, _ = asked.query("SELECT time_bucket('1 day', timestamp) AS day, SUM(impressions) FROM impressions "
                             "GROUP BY day ORDER BY day")
    assert [count for _, count in rows] == [6693, 4891, 5193, 6064, 6320, 5471, 5368], rows
    _, rows, _ = asked.query("SELECT COUNT(*) FROM impressions.raw")
    assert rows == [[40_000]], rows
    asked.close()


def clicks(first, count, country="de"):
    now = int(datetime.datetime.now().timestamp() * 1e6)
    return [{"ts": now, "id": f"click-{i}", "country": country, "n": 1} for i in range(first, first + count)]


def total(address, table="clicks"):
    asked = tc.Connection(address)
    rows = asked.query(f"SELECT SUM(total) FROM {table}")[1]
    asked.close()
    return rows[0][0]


# --- stories -----------------------------------------------------------------------------------------------------------


def run(*words):
    return subprocess.run([TALLY, *words], capture_output=True, text=True, check=False)


def count_in(directory, sql):
    return int(tally("sql", "--data", directory, "--format", "csv", "-c", sql).split()[1])
