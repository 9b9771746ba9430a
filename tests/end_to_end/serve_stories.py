"""Stories of the real server, told by the client in plain Python: python3 serve_stories.py STORY TALLY WORK_DIRECTORY.

Every story begins with a database of its own and ends with the process gone and its exit code looked at. A failed assertion is
a failed story."""

import atexit
import csv
import datetime
import gzip
import http.client
import os
import random
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
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


def truth():
    """Real rows, once and again: the truth, and then nothing but duplicates."""
    new_database(bandit_table())
    server = Server()
    producer = tc.Producer(server.address, "impressions")
    for rows in bandit_batches(2_000):
        producer.add(rows, replay=True)
    producer.settle()
    assert producer.total()["accepted"] == 40_000
    expect_truth(server.address)
    for rows in bandit_batches(5_000):
        producer.add(rows, replay=True)
    producer.settle()
    counts = producer.total()
    assert (counts["received"], counts["accepted"], counts["duplicates"]) == (80_000, 40_000, 40_000), counts
    producer.goodbye()
    assert 'tally_events_total{table="impressions",outcome="duplicate"} 40000' in server.get("/metrics")[1]
    server.stop()
    tally("check", DATA)


def killed():
    """kill -9 in the middle of a batch, three times; everything unanswered is sent again, with more than one in flight."""
    seed = int(os.environ.get("TALLY_SEED", "1"))
    chance = random.Random(seed)
    new_database(bandit_table())
    server = Server()
    producer = tc.Producer(server.address, "impressions")
    batches = bandit_batches(500)
    kill_at = sorted(chance.sample(range(5, len(batches) - 5), 3))
    for number, rows in enumerate(batches):
        producer.add(rows, replay=True)
        while len(producer.unanswered) > 4:
            producer.take_one()
        if number in kill_at:
            # Half of the next batch is on its way when the server dies.
            half = tc.frame(tc.BATCH, producer.connection.sequence + 1, tc.batch_fields(True), producer.encode(rows))
            producer.connection.send_raw(half[:chance.randrange(1, len(half))])
            server.kill(signal.SIGKILL)
            assert server.wait() == -signal.SIGKILL
            server = Server()
            producer.address = server.address
            producer.reconnect()
            producer.push()
    producer.settle()
    counts = producer.total()
    assert counts["received"] == 40_000, (seed, counts)
    assert counts["accepted"] + counts["duplicates"] == 40_000, (seed, counts)
    expect_truth(server.address)
    server.stop()
    tally("check", DATA)


def stopped_under_load():
    """SIGTERM while batches come: what was taken is answered, GOODBYE says so, and what was not is sent to the next server."""
    new_database(SMALL)
    server = Server()
    producer = tc.Producer(server.address, "clicks")
    sent, goodbye = 0, False
    for number in range(200):
        producer.add(clicks(number * 250, 250))
        sent += 250
        if number == 60:
            server.kill(signal.SIGTERM)
        try:
            while len(producer.unanswered) > 3:
                kind, sequence, fields, _ = producer.connection.receive()
                if kind == tc.GOODBYE:
                    goodbye = True
                    raise tc.Gone("the server says goodbye")
                counts, lsn, rows, credits = tc.result_of(fields)
                key = producer.sent.pop(sequence)
                producer.results[key] = (counts, lsn, rows)
                del producer.unanswered[key]
                producer.credits += credits
        except tc.Gone:
            break
    assert goodbye, "the server went without a word"
    # What it had taken whole is answered behind its GOODBYE.
    try:
        while producer.sent:
            producer.take_one()
    except tc.Gone:
        pass
    assert server.wait() == 0
    server = Server()
    producer.address = server.address
    producer.reconnect()
    producer.settle()
    counts = producer.total()
    assert counts["received"] == sent == counts["accepted"] + counts["duplicates"], (sent, counts)
    assert total(server.address) == sent
    server.stop()
    tally("check", DATA)


def expect_end(connection, status):
    """The server says why, then closes."""
    try:
        while True:
            connection.receive()
    except tc.ServerError as error:
        assert error.status == status, (error.status, error.message, status)
    try:
        connection.socket.settimeout(60)
        rest = connection.socket.recv(1)
    except ConnectionError:
        rest = b""
    assert rest == b"", "the connection stays open"
    connection.close()


def broken():
    """Clients that are slow, wrong or hostile: each is told why and let go; a good one beside them notices nothing."""
    new_database(SMALL)
    server = Server(settings={"limits.hello_time": "1 s", "limits.frame_time": "1 s", "limits.idle_time": "30 s"})
    good = tc.Producer(server.address, "clicks", "good")
    sent = 0

    def new(hello=True, table="clicks"):
        return tc.Connection(server.address, table, hello=hello)

    def check_good():
        nonlocal sent
        good.add(clicks(sent, 100))
        sent += 100
        good.settle()

    hello = tc.frame(tc.HELLO, 0, struct.pack("<BBBB", 1, 1, 1, 1) + tc.text("x") + tc.text("") + b"\0" + tc.text(""))
    bad_frame, bad_checksum, out_of_order, no_credit, timeout = 40, 41, 42, 43, 44

    for raw in (hello[:20], hello[:-3], b""):  # half a header, half a frame, silence
        slow = new(hello=False)
        slow.send_raw(raw)
        expect_end(slow, timeout)
    check_good()
    for raw in (b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", bytes(40), os.urandom(4_000), b"TLYF" + b"\xff" * 36):
        stranger = new(hello=False)
        stranger.send_raw(raw)
        expect_end(stranger, bad_frame)
    check_good()
    for at in (8, 12):  # lengths of fields and data
        for length in (0xFFFFFFFF, 0x80000000, 17 << 20):
            client = new()
            raw = bytearray(tc.frame(tc.BATCH, 1, tc.batch_fields(), b"x"))
            raw[at:at + 4] = struct.pack("<I", length)
            client.send_raw(bytes(raw))
            expect_end(client, bad_frame)
    client = new()  # no fields and no data are fine where there are none
    client.send(tc.CANCEL, 9)
    client.send(tc.PING, 5)
    assert client.receive()[:2] == (tc.PONG, 5)
    client.close()
    client = new()
    client.send(tc.BATCH, 1, b"", b"")  # length 0
    expect_end(client, bad_frame)
    client = new()
    raw = bytearray(tc.frame(tc.BATCH, 1, tc.batch_fields(), tc.batch(client, clicks(0, 5))))
    raw[41] ^= 1
    client.send_raw(bytes(raw))
    expect_end(client, bad_checksum)
    check_good()

    # Harm to the data costs this batch only, and is worth another try.
    client = new()
    rows = clicks(1_000_000, 10, "fr")
    raw = bytearray(tc.frame(tc.BATCH, 1, tc.batch_fields(), tc.batch(client, rows)))
    raw[-1] ^= 1
    client.send_raw(bytes(raw))
    kind, sequence, fields, _ = client.receive()
    error, credits = tc.error_of(fields)
    assert (kind, sequence, error.status, error.what_next, credits) == (tc.ERROR, 1, 3, tc.RESEND, 1)
    client.send(tc.BATCH, 2, tc.batch_fields(), tc.batch(client, rows))
    assert tc.result_of(client.receive()[2])[0]["accepted"] == 10
    sent += 10

    # A batch whose few bytes claim to inflate to gigabytes, and one that lies by a little.
    for claimed in (0xFFFFFFFF, 16 << 20):
        block = b"\x1f\x00\x01\x00" + b"\xff" * 60_000 + b"\x00"
        bomb = struct.pack("<4sHHIIHHIII", b"TBAT", 1, 1, 1, 60_000, 1, 0, claimed, len(block), 0)
        bomb += struct.pack("<IBBHI", 1, 1, 0, 0, claimed & 0xFFFFFFFF) + block
        client.sequence = getattr(client, "sequence", 0) or 2
        client.sequence += 1
        client.send(tc.BATCH, client.sequence, tc.batch_fields(), bomb)
        error, _ = tc.error_of(client.receive()[2])
        assert (error.status, error.what_next) == (20, tc.DROP), (error.status, error.message)
    client.send(tc.BATCH, 1, tc.batch_fields(), b"")
    expect_end(client, out_of_order)
    check_good()

    client = new(hello=False)
    client.send(tc.PING, 1)
    expect_end(client, out_of_order)
    client = new(table="")
    client.send(tc.BATCH, 1, tc.batch_fields(), b"")
    expect_end(client, out_of_order)
    client = new()
    for number in range(client.credits + 1):
        client.send_raw(tc.frame(tc.BATCH, number + 1, tc.batch_fields(), b"no batch at all" * 100_000))
    try:
        for _ in range(client.credits + 1):  # those answered before the last was read gave it a credit
            assert tc.error_of(client.receive()[2])[0].status == 20
    except tc.ServerError as error:
        assert error.status == no_credit, error.message
    client.close()
    try:
        new(table="clics")
        raise AssertionError("a table that is not there")
    except tc.ServerError as error:
        assert error.status == 21 and 'did you mean "clicks"?' in error.message, error.message
    check_good()
    assert total(server.address) == sent
    assert good.total() == {"received": sent - 10, "accepted": sent - 10, "duplicates": 0, "conflicts": 0, "too_late": 0,
                            "rejected": 0}
    server.stop()
    tally("check", DATA)


def crowd_of(address, count):
    """Runs in a process of its own: so many connections that say HELLO and then nothing."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    crowd = [tc.Connection(address, "clicks") for _ in range(count)]
    print("standing", flush=True)
    sys.stdin.readline()
    for one in crowd:
        one.close()


def crowd():
    """Many connections that do nothing, from a process of their own; beside them batches and statements go on."""
    count = int(os.environ.get("TALLY_CROWD", "2000"))
    new_database(SMALL)
    server = Server(settings={"limits.connections": count + 2})
    command = [sys.executable, "-B", os.path.abspath(__file__), "crowd_of", TALLY, WORK, server.address, str(count)]
    idle = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert idle.stdout.readline() == "standing\n"
    assert server.metric("tally_connections") == count
    producer = tc.Producer(server.address, "clicks")
    producer.add(clicks(0, 1_000))
    producer.settle()
    assert total(server.address) == 1_000
    server.wait_for_connections(count + 1)
    last = tc.Connection(server.address)
    try:
        tc.Connection(server.address)
        raise AssertionError("one too many was let in")
    except tc.ServerError as error:
        assert error.status == 45, error.message
    last.close()
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    print(f"{count} idle connections: {resident // 1024} MiB resident")
    idle.stdin.close()
    assert idle.wait(120) == 0
    idle.stdout.close()
    server.stop()


def silent():
    """Connections that have not said HELLO are counted apart: however many, they keep nobody else out for longer than theirs."""
    new_database(SMALL)
    server = Server(settings={"limits.silent_connections": 5, "limits.hello_time": "1 s"})
    silent_ones = [tc.Connection(server.address, hello=False) for _ in range(5)]
    try:
        tc.Connection(server.address)
        raise AssertionError("a sixth was let in")
    except (tc.ServerError, tc.Gone) as error:
        assert isinstance(error, tc.Gone) or error.status == 45, error
    for one in silent_ones:
        expect_end(one, 44)
    server.wait_for_connections(0)
    assert tc.Connection(server.address).query("SHOW SETTINGS")[0][0] == "name"
    server.stop()


def questions():
    """Statements: answers in pieces, parameters, errors with their place, cancel, too many at once, a table made and used."""
    new_database(SMALL)
    server = Server(settings={"limits.queries_running": 1, "limits.queries_waiting": 1})
    producer = tc.Producer(server.address, "clicks")
    producer.add(clicks(0, 60_000))
    producer.settle()
    asked = tc.Connection(server.address)
    names, rows, _ = asked.query("SELECT id, country FROM clicks.raw")
    assert names == ["id", "country"] and len(rows) == 60_000 and len({row[0] for row in rows}) == 60_000
    assert asked.query("SELECT SUM(total) FROM clicks WHERE country = $1", ["de"])[1] == [[60_000]]
    try:
        asked.query("SELECT SUM(total)\nFROM clicks WHERE contry = 'de'")
        raise AssertionError("a wrong name was taken")
    except tc.ServerError as error:
        assert error.status == 22 and error.position[1:] == (2, 19), (error.position, error.message)
        assert 'did you mean "country"?' in error.message
    _, _, message = asked.query(SMALL.replace("clicks", "others"))
    assert message == "CREATE TABLE"
    other = tc.Producer(server.address, "others")
    other.add(clicks(0, 10))
    other.settle()
    assert total(server.address, "others") == 10

    # Of three statements one runs, one waits and is cancelled, and the third is told that it is one too many; how far they come
    # before that is the machine's affair.
    slow = tc.Connection(server.address)
    for number in range(1, 4):
        slow.send(tc.QUERY, number, tc.text("SELECT id, country, ts, id, id, id, id, id FROM clicks.raw") + bytes(7))
    ends = {}
    while len(ends) < 3:
        kind, sequence, fields, _ = slow.receive()
        if kind == tc.ERROR:
            ends[sequence] = tc.error_of(fields)[0].status
            if ends[sequence] == 4:  # busy: then the one that waits is cancelled
                slow.send(tc.CANCEL, 2)
        elif kind == tc.END:
            ends[sequence] = "end"
    assert ends[1] == "end" and ends[2] in (24, "end") and ends[3] in (4, "end"), ends
    server.stop()


def cancelled():
    """A statement that is being computed: it tells how far it is, CANCEL ends it, and so does a connection that is closed."""
    new_database(SMALL)
    server = Server(settings={"limits.queries_running": 1, "limits.queries_waiting": 0, "limits.stop_time": "1 s",
                              "log.slow_query": "0"})
    producer = tc.Producer(server.address, "clicks")
    for part in range(6):
        producer.add(clicks(part * 50_000, 50_000))
    producer.settle()
    # Hundreds of sums over every row: seconds at least.
    sums = ", ".join(f"SUM(CASE WHEN country = 'a secret' THEN n * n + {i} ELSE n * {i} END)" for i in range(2, 202))
    statement = f"SELECT {sums} FROM clicks.raw"

    def computing(connection):
        """Sends the statement; returns when rows are being read for it."""
        asked = connection.ask(statement, progress=True)
        kind, sequence, fields, _ = connection.receive()
        assert (kind, sequence) == (tc.PROGRESS, asked), kind
        assert 0 < fields.take("Q") < 300_000
        return asked

    first = tc.Connection(server.address)
    asked = computing(first)
    first.cancel(asked)
    try:
        first.answer(asked)
        raise AssertionError("the statement came to its end")
    except tc.ServerError as error:
        assert error.status == 24, error.message
    assert first.query("SELECT COUNT(*) FROM clicks.raw")[1] == [[300_000]]

    computing(first)
    first.close()
    second = tc.Connection(server.address)
    while True:  # the only place for statements is free again
        try:
            assert second.query("SELECT SUM(total) FROM clicks")[1] == [[300_000]]
            break
        except tc.ServerError as error:
            assert error.status == 4, error.message
            time.sleep(0.02)
    try:
        second.query(statement, timeout_ms=10)
        raise AssertionError("the statement took 10 ms")
    except tc.ServerError as error:
        assert error.status == 23 and "time limit of" in error.message, error.message
    assert server.metric("tally_queries_cancelled_total") == 2
    computing(second)
    server.stop()  # which waits for it as long as the setting says
    log = open(os.path.join(WORK, "server.log"), encoding="utf-8").read()
    assert "CASE WHEN country = ? THEN" in log and "secret" not in log, log[:2_000]


def run(*words):
    return subprocess.run([TALLY, *words], capture_output=True, text=True, check=False)


def count_in(directory, sql):
    return int(tally("sql", "--data", directory, "--format", "csv", "-c", sql).split()[1])


def backups():
    """A running server is copied while batches come: what was acknowledged before is in the copy, which takes writes and knows
    every id; a second of the same name, a name that leads elsewhere and a server without a place for backups are refused."""
    new_database(SMALL)
    place = os.path.join(WORK, "backups")
    os.mkdir(place)
    server = Server(settings={"storage.backup_directory": place, "storage.memtable_bytes": "1 MiB"})
    producer = tc.Producer(server.address, "clicks")
    sent, over, trouble = [0], threading.Event(), []

    def produce():
        try:
            while not over.is_set():
                producer.add(clicks(sent[0], 2_000, f"country {sent[0] % 7}"))
                sent[0] += 2_000
                while len(producer.unanswered) > 4:
                    producer.take_one()
            producer.settle()
        except Exception as error:  # noqa: BLE001: told by the main thread
            trouble.append(error)

    sender = threading.Thread(target=produce)
    sender.start()
    while producer.total().get("accepted", 0) < 100_000 and not trouble:
        time.sleep(0.01)
    before = producer.total()["accepted"]
    said = tally("backup", "--server", server.address, "monday")
    assert "clicks at LSN" in said, said
    after = sent[0]
    for name, reason in (("monday", "is not empty"), ("../elsewhere", "one folder's name"), ("", "one folder's name")):
        refused = run("backup", "--server", server.address, name)
        assert refused.returncode == 1 and reason in refused.stderr, refused.stderr
    over.set()
    sender.join()
    assert not trouble, trouble
    assert total(server.address) == sent[0]
    locked = run("backup", "--data", DATA, os.path.join(WORK, "other"))
    assert locked.returncode == 1 and "--server" in locked.stderr, locked.stderr
    server.stop()

    again = os.path.join(WORK, "again")
    tally("restore", os.path.join(place, "monday"), again)
    tally("check", again)
    held = count_in(again, "SELECT SUM(total) FROM clicks")
    assert before <= held <= after, (before, held, after)
    assert count_in(again, "SELECT COUNT(*) FROM clicks.raw") == held
    server = Server(data=again)
    producer = tc.Producer(server.address, "clicks")
    for first in range(0, sent[0], 20_000):
        count = min(20_000, sent[0] - first)
        producer.add([dict(row, country=f"country {(first + i) // 2_000 * 2_000 % 7}") for i, row in enumerate(clicks(first, count))])
    producer.settle()
    counts = producer.total()
    assert (counts["duplicates"], counts["accepted"]) == (held, sent[0] - held), (held, counts)
    refused = run("backup", "--server", server.address, "tuesday")
    assert refused.returncode == 1 and "storage.backup_directory" in refused.stderr, refused.stderr
    server.stop()
    tally("check", again)


def files_of(directory):
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[path] = hash(file.read())
    return found


def backups_killed():
    """Copies that are killed with SIGKILL on their way: what is left is refused by name, or whole; the source is as before."""
    chance = random.Random(int(os.environ.get("TALLY_SEED", "1")))
    tally("init", DATA)
    tally("generate", "--events", "150000", "--days", "2", "--seed", "5", "--data", DATA)
    wanted = count_in(DATA, "SELECT SUM(events) FROM ad_events")
    before = files_of(DATA)
    begun = time.monotonic()
    tally("backup", "--no-check", "--data", DATA, os.path.join(WORK, "whole"))
    took = time.monotonic() - begun
    refused = finished = 0
    while refused < 6:
        to = os.path.join(WORK, f"backup {refused + finished}")
        process = subprocess.Popen([TALLY, "backup", "--no-check", "--data", DATA, to], stdout=subprocess.DEVNULL)
        time.sleep(chance.random() * took)
        process.kill()
        process.wait()
        back = os.path.join(WORK, f"back {refused + finished}")
        if os.path.exists(os.path.join(to, "BACKUP")):
            tally("restore", to, back)
            assert count_in(back, "SELECT SUM(events) FROM ad_events") == wanted
            finished += 1
            continue
        ran = run("restore", to, back)
        assert ran.returncode == 1 and ("never finished" in ran.stderr or "no backup" in ran.stderr), ran.stderr
        assert not os.path.exists(back)
        refused += 1
        if os.path.exists(os.path.join(to, "UNFINISHED")):
            ran = run("backup", "--data", DATA, to)
            assert ran.returncode == 1 and "never finished" in ran.stderr, ran.stderr
    after = files_of(DATA)
    assert {p: h for p, h in after.items() if not p.endswith("LOCK")} == {p: h for p, h in before.items() if not p.endswith("LOCK")}

    # A server that is killed while it takes one, and a backup in which a byte was changed.
    place = os.path.join(WORK, "backups")
    os.mkdir(place)
    server = Server(settings={"storage.backup_directory": place})
    asked = tc.Connection(server.address)
    asked.ask("BACKUP TO 'killed'")
    while not os.path.exists(os.path.join(place, "killed", "UNFINISHED")):
        time.sleep(0.001)
    server.kill(signal.SIGKILL)
    server.wait()
    ran = run("restore", os.path.join(place, "killed"), os.path.join(WORK, "back killed"))
    finished = os.path.exists(os.path.join(place, "killed", "BACKUP"))
    assert ran.returncode == 0 if finished else ran.returncode == 1 and "never finished" in ran.stderr, ran.stderr
    assert count_in(DATA, "SELECT SUM(events) FROM ad_events") == wanted
    tally("check", DATA)
    files = [path for path in files_of(os.path.join(WORK, "whole")) if os.path.getsize(path) > 0 and "/data/" in path]
    with open(chance.choice(sorted(files)), "r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    ran = run("restore", os.path.join(WORK, "whole"), os.path.join(WORK, "harmed"))
    assert ran.returncode == 1 and "not what the backup wrote" in ran.stderr, ran.stderr


def operations():
    """Health and metrics; settings that are wrong; addresses that others can reach."""
    new_database(SMALL)
    server = Server("--config", config("[log]\nformat = \"json\"\n[limits]\ncredits = 3\n"))
    assert server.get("/health/live") == (200, "alive\n")
    assert server.get("/health/ready") == (200, "ready\n")
    assert server.get("/else")[0] == 404
    assert server.get("/metrics", "POST")[0] == 405
    producer = tc.Producer(server.address, "clicks")
    assert producer.credits == 3
    producer.add(clicks(0, 10), rejected=[(7, "bad_number", "no", "1;2")])
    producer.settle()
    assert producer.total()["rejected"] == 1 and producer.total()["received"] == 11
    page = server.get("/metrics")[1]
    assert 'tally_events_total{table="clicks",outcome="accepted"} 10' in page
    assert 'tally_acknowledgement_seconds_count 1' in page
    if shutil.which("promtool"):
        judged = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert judged.returncode == 0 and not judged.stderr, judged.stderr
    else:
        print("promtool is not installed (./dev setup --all does that): the metrics page was not shown to it")
    rows = tc.Connection(server.address).query("SHOW SETTINGS;")[1]
    assert [row[1] for row in rows if row[0] == "limits.credits"] == ["3"]
    server.stop()
    log = open(os.path.join(WORK, "server.log"), encoding="utf-8").read().splitlines()
    assert all(line.startswith('{"time":"') and line.endswith("}") for line in log), log
    for words, wanted in ((["--tcp", "0.0.0.0:0"], "reachable from other machines"),
                          (["--ops", "[::]:0"], "reachable from other machines"),
                          (["--tcp", "nowhere:1"], "is no ADDRESS:PORT"),
                          (["--config", config("[limits]\ncredit = 3\n")], 'did you mean "limits.credits"?')):
        ran = subprocess.run([TALLY, "serve", "--data", DATA, *words], capture_output=True, text=True, check=False)
        assert ran.returncode == 1 and wanted in ran.stderr, ran.stderr


def degraded():
    """A table of which a file is gone: the server is alive and not ready, says which table and why, and serves the others."""
    new_database(SMALL, SMALL.replace("clicks", "others"))
    server = Server()
    producer = tc.Producer(server.address, "clicks")
    producer.add(clicks(0, 1_000))
    producer.settle()
    assert server.get("/health/ready")[0] == 200
    server.stop()
    runs = os.path.join(DATA, "tables", "clicks", "ids")
    os.unlink(os.path.join(runs, sorted(os.listdir(runs))[0]))
    server = Server()
    assert server.get("/health/live")[0] == 200
    status, said = server.get("/health/ready")
    assert status == 503 and 'table "clicks" takes no batches' in said, said
    assert server.metric("tally_ready") == 0
    producer = tc.Producer(server.address, "others")
    producer.add(clicks(0, 10))
    producer.settle()
    assert total(server.address, "others") == 10
    server.stop()


def config(text):
    path = os.path.join(WORK, "tally.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def many_producers():
    """Eight producers at once that all send the same events, a small budget of memory: each counted once, to the event."""
    new_database(SMALL)
    server = Server(settings={"limits.ingest_bytes": "26 MiB", "limits.credits": 2})
    totals, troubles = [], []

    def produce(number):
        try:
            producer = tc.Producer(server.address, "clicks", f"producer {number}")
            for part in range(40):
                producer.add(clicks(part * 500, 500))
                if part == 10 + number:
                    producer.reconnect()
            producer.settle()
            totals.append(producer.total())
            producer.goodbye()
        except Exception as error:  # noqa: BLE001: told by the main thread
            troubles.append(error)

    threads = [threading.Thread(target=produce, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles, troubles
    assert total(server.address) == 20_000
    assert sum(t["received"] for t in totals) == 160_000, totals
    assert server.metric("tally_ingest_bytes") == 0
    server.stop()
    tally("check", DATA)


def with_program():
    """The program as the client: load, generate and sql take the address of one server; it is killed and comes back meanwhile."""
    new_database(bandit_table())
    port = free_port()
    server = Server("--tcp", f"127.0.0.1:{port}")
    words = [TALLY, "load", "--server", server.address, "--table", "impressions", "--replay", "--batch", "250", "--rate", "8000",
             "--ack-file", os.path.join(WORK, "acknowledged"), os.path.join(ROOT, "data", "open_bandit.csv.gz")]
    load = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(2):
        before = server.answered()
        while server.answered() < before + 20:
            time.sleep(0.02)
        server.kill(signal.SIGKILL)
        server.wait()
        server = Server("--tcp", f"127.0.0.1:{port}")
    out, err = load.communicate(timeout=120)
    assert load.returncode == 0, (out, err)
    counts = {line.split()[0]: int(line.split()[-1].replace(",", "")) for line in out.splitlines() if line.startswith("  ")}
    assert "40,000 rows received" in out and counts["accepted"] + counts["duplicates"] == 40_000, out
    expect_truth(server.address)
    again = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "40,000 rows acknowledged by an earlier load" in again.stdout, again.stdout

    asked = ["sql", "--server", server.address, "--format", "csv", "-c"]
    assert tally(*asked, "SELECT campaign, SUM(clicks) AS clicks FROM impressions GROUP BY campaign ORDER BY campaign") == (
        "campaign,clicks\nmen,115\nwomen,92\n")
    wrong = subprocess.run([TALLY, *asked, "SELECT nothing\nFROM impressions"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1 and "^" in wrong.stderr and "nothing" in wrong.stderr, wrong.stderr
    made = tally("generate", "--events", "30000", "--days", "1", "--seed", "3", "--dup", "2", "--server", server.address)
    assert "30,000 accepted, " in made, made
    assert total_of(server.address, "SELECT SUM(events), SUM(duplicates) FROM ad_events")[0] == 30_000
    nowhere = subprocess.run([TALLY, "load", "--server", server.address, "--table", "impresions", "x.csv"],
                             capture_output=True, text=True, check=False)
    assert nowhere.returncode == 1 and 'did you mean "impressions"?' in nowhere.stderr, nowhere.stderr
    server.stop()
    gone = subprocess.run([TALLY, *asked, "SELECT 1"], capture_output=True, text=True, check=False)
    assert gone.returncode == 1 and "connecting to" in gone.stderr, gone.stderr
    tally("check", DATA)


def free_port():
    """One that the kernel chose, for a server that comes back where it was."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def total_of(address, sql):
    asked = tc.Connection(address)
    rows = asked.query(sql)[1]
    asked.close()
    return rows[0]


if __name__ == "__main__":
    if sys.argv[1] == "crowd_of":
        crowd_of(sys.argv[4], int(sys.argv[5]))
    else:
        os.makedirs(WORK, exist_ok=True)
        globals()[sys.argv[1]]()
        print("told")
