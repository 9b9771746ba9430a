"""Stories of the real server, told by the client in plain Python: python3 serve_stories.py STORY TALLY WORK_DIRECTORY.

Every story begins with a database of its own and ends with the process gone and its exit code looked at. A failed assertion is
a failed story."""

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

from serve_common import DATA, ROOT, SMALL, TALLY, WORK, Server, bandit_batches, bandit_table, clicks, expect_truth, new_database, run, tally, total
from backup_stories import backups, backups_killed  # noqa: F401: told by their names
from hostile_stories import announced, bad_bytes, expect_http, parameters, unread_log  # noqa: F401: as those

import tally_client as tc  # noqa: E402: serve_common knows where it is


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


SECONDS_MAX = 300  # of a crowd: one that stands still is a failure, not a wait


def crowd_of(address, count):
    """Runs in a process of its own: so many connections that say HELLO and then nothing."""
    signal.alarm(SECONDS_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    crowd = [tc.Connection(address, "clicks") for _ in range(count)]
    print("standing", flush=True)
    sys.stdin.readline()
    for one in crowd:
        one.close()


def crowd():
    """Many connections that do nothing, from a process of their own; beside them batches and statements go on."""
    count = int(os.environ.get("TALLY_CROWD", "10000"))
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= allowed < count + 200:
        print(f"only {allowed} descriptors are allowed: no crowd of {count}")
        count = allowed - 200
    signal.alarm(SECONDS_MAX)
    new_database(SMALL)
    server = Server(settings={"limits.connections": count + 2})
    first = tc.Connection(server.address)  # what the first one costs, all need
    before = server.resident()
    begun = time.monotonic()
    command = [sys.executable, "-B", os.path.abspath(__file__), "crowd_of", TALLY, WORK, server.address, str(count)]
    idle = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert idle.stdout.readline() == "standing\n"
    assert server.metric("tally_connections") == count + 1
    grown = server.resident() - before
    print(f"{count} idle connections stand after {time.monotonic() - begun:.1f} s: {grown / count:.0f} bytes each, "
          f"{server.resident() >> 20} MiB resident in all")
    first.close()
    server.wait_for_connections(count)
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
    idle.stdin.close()
    assert idle.wait(120) == 0
    idle.stdout.close()
    server.wait_for_connections(1)
    server.stop()


def one_address():
    """One address may have so many connections and no more, whatever there is room for; one that leaves makes room."""
    new_database(SMALL)
    server = Server("--tcp", f"127.0.0.1:{free_port()}", settings={"limits.connections_per_address": 3})
    three = [tc.Connection(server.address) for _ in range(3)]
    for _ in range(5):
        try:
            tc.Connection(server.address)
            raise AssertionError("a fourth was let in")
        except tc.ServerError as error:
            assert error.status == 45 and "127.0.0.1 (limits.connections_per_address)" in error.message, error.message
    # Loopback has more addresses than one.
    other = tc.Connection(server.address, source="127.0.0.2")
    assert other.query("SELECT 1")[1] == [[1]]
    assert server.metric("tally_connections_refused_total") == 5
    assert server.metric("tally_connections_failed_total") == 0
    three.pop().close()
    while True:
        try:
            assert tc.Connection(server.address).query("SELECT 1")[1] == [[1]]
            break
        except tc.ServerError as error:  # the server has not heard of the end yet
            assert error.status == 45, error.message
    rows = other.query("SHOW SETTINGS")[1]
    assert [row[2] for row in rows if row[0] == "limits.connections_per_address"] == ["10240"], rows
    server.stop()


def streamed():
    """An answer that is larger than a statement's memory, and than what the server may hold: it waits for its reader, is stopped in
    the middle, fails in the middle with its place."""
    new_database(SMALL)
    server = Server(settings={"limits.query_bytes": "2 MiB", "limits.queries_running": 2})
    producer = tc.Producer(server.address, "clicks")
    count = 120_000
    for part in range(count // 40_000):
        producer.add(clicks(part * 40_000, 40_000))
    producer.settle()
    other = tc.Connection(server.address)
    assert other.query("SELECT SUM(total) FROM clicks")[1] == [[count]]
    before = server.resident()
    asked = tc.Connection(server.address, receive_buffer=1 << 20)
    wide = "SELECT id, " + ", ".join(["country"] * 20) + " FROM clicks.raw"
    answer_bytes = count * (len("click-123456") + 5 + 20 * (len("de") + 5))  # about 19 MB on the wire
    reading = asked.ask(wide)
    pieces = asked.pieces(reading)
    names, rows, _ = next(pieces)
    assert len(names) == 21
    # Nobody reads: what is made meanwhile is what sockets hold. Other statements go on.
    for _ in range(20):
        assert other.query("SELECT SUM(total) FROM clicks")[1] == [[count]]
    assert server.metric("tally_queries_running") == 1
    grown = server.resident() - before
    assert grown < answer_bytes // 2 or "TALLY_SANITIZED" in os.environ, grown  # a sanitizer keeps what was freed
    ids, end = {row[0] for row in rows}, None
    for _, rows, end in pieces:
        ids.update(row[0] for row in rows)
    assert end == (count, "") and len(ids) == count, (end, len(ids))

    # Stopped in the middle.
    reading = asked.ask(wide)
    pieces = asked.pieces(reading)
    got = len(next(pieces)[1])
    asked.cancel(reading)
    try:
        got += sum(len(rows) for _, rows, _ in pieces)
        raise AssertionError("the statement came to its end")
    except tc.ServerError as error:
        assert error.status == 24 and 0 < got < count, (error.message, got)

    # Wrong in the middle, at a place.
    try:
        got = 0
        for _, rows, _ in asked.pieces(asked.ask("SELECT id,\n CASE WHEN id = 'click-119999' THEN 9000000000000000000 * "
                                                 "9000000000000000000 * n * 9 ELSE 0 END FROM clicks.raw")):
            got += len(rows)
        raise AssertionError("the statement came to its end")
    except tc.ServerError as error:
        assert error.position and error.position[1] == 2 and 0 < got < count, (error.status, error.message, error.position, got)

    # What has to be in order is kept first, within the limit.
    try:
        asked.query("SELECT id FROM clicks.raw ORDER BY id")
        raise AssertionError("it was kept")
    except tc.ServerError as error:
        assert error.status == 23 and "the answer needs more than 2 MiB" in error.message, error.message
    lines = tally("sql", "--server", server.address, "--format", "csv", "-c", "SELECT id, country FROM clicks.raw").splitlines()
    assert lines[0] == "id,country" and len(set(lines)) == count + 1
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
    # Hundreds of sums over every row: several seconds, also where it is fast.
    sums = ", ".join(f"SUM(CASE WHEN country = 'a secret' THEN n * n + {i} ELSE n * {i} END)" for i in range(2, 802))
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


def clocks_and_disks():
    """`tally clock` asks the server; marks above what the disk has make it read-only by name, and readiness says so."""
    new_database(SMALL)
    server = Server()
    assert tally("clock", "show", "--server", server.address).startswith("clicks: clock ")
    assert tally("clock", "confirm", "--server", server.address).startswith("clicks: clock believed, confirmed: ")
    locked = run("clock", "show", "--data", DATA)
    assert locked.returncode == 1 and "--server A:P" in locked.stderr, locked
    assert 'tally_clock_state{table="clicks"} 0' in server.get("/metrics")[1]
    server.stop()
    server = Server(settings={"storage.free_bytes_hard": 1 << 50, "storage.free_bytes_soft": 1 << 50})
    status, text = server.get("/health/ready")
    assert status == 503 and "disk hard: " in text and "storage.free_bytes_hard" in text, (status, text)
    assert 'tally_space_level{table="clicks"} 2' in server.get("/metrics")[1]
    rows = tc.Connection(server.address).query("SELECT part, state, takes_batches FROM system.health")[1]
    assert [list(row) for row in rows] == [["disk", "hard", "no"]], rows
    server.stop()
    assert "a table needs a look" in open(os.path.join(WORK, "server.log"), encoding="utf-8").read()


def operations():
    """Health and metrics; settings that are wrong; addresses that others can reach."""
    new_database(SMALL)
    server = Server("--config", config("[log]\nformat = \"json\"\n[limits]\ncredits = 3\n"), settings={"limits.credit": 4})
    assert server.get("/health/live") == (200, "alive\n")
    assert server.get("/health/ready") == (200, "ready\n")
    assert server.get("/else")[0] == 404
    assert server.get("/metrics", "POST")[0] == 405
    expect_http(server.ops)
    producer = tc.Producer(server.address, "clicks")
    assert producer.credits == 3
    producer.add(clicks(0, 10), rejected=[(7, "bad_number", "no", "1;2")])
    producer.settle()
    assert producer.total()["rejected"] == 1 and producer.total()["received"] == 11
    page = server.get("/metrics")[1]
    assert 'tally_events_total{table="clicks",outcome="accepted"} 10' in page
    assert 'tally_acknowledgement_seconds_count 1' in page
    for line in ('tally_visible_latency_seconds_count{table="clicks"} 1', 'tally_event_visible_latency_seconds_count{table="clicks"} 10',
                 'tally_ingest_stage_seconds_count{table="clicks",stage="log"} 1'):
        assert line in page, (line, page)
    written = {line.split('kind="')[1].split('"')[0]: float(line.split()[1]) for line in page.splitlines()
               if line.startswith("tally_written_bytes_total{")}
    assert written["log"] > 0 and written["raw"] == 0 and len(written) == 11, written
    if shutil.which("promtool"):
        judged = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert judged.returncode == 0 and not judged.stderr, judged.stderr
    else:
        print("promtool is not installed (./dev setup --all does that): the metrics page was not shown to it")
    rows = tc.Connection(server.address).query("SHOW SETTINGS;")[1]
    assert [row[1] for row in rows if row[0] == "limits.credits"] == ["3"]
    silent_port = subprocess.run([TALLY, "sql", "--server", server.ops, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
    assert silent_port.returncode == 1 and "is this the --tcp address?" in silent_port.stderr, silent_port.stderr
    server.stop()
    log = open(os.path.join(WORK, "server.log"), encoding="utf-8").read().splitlines()
    assert any("TALLY_LIMITS_CREDIT in the environment is no setting's" in line for line in log), log
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
    for number in range(2):
        before = server.answered()
        while server.answered() < before + 20:
            time.sleep(0.02)
        server.kill(signal.SIGKILL)
        server.wait()
        said = [load.stderr.readline()]  # whoever waits is told what for
        if number > 0:
            assert said[0] == f"the server at {server.address} is there again\n", said
            said.append(load.stderr.readline())
        assert "connecting to" in said[-1] and "refused; trying again for 30 s" in said[-1], said
        server = Server("--tcp", f"127.0.0.1:{port}")
    out, err = load.communicate(timeout=120)
    assert load.returncode == 0, (out, err)
    assert f"the server at {server.address} is there again" in err, err
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
    rows = os.path.join(WORK, "rows.ndjson")
    with open(rows, "w", encoding="utf-8") as file:
        file.write('{"timestamp":"2019-11-25","impression_id":"r1"}\n{"timestamp":"never","impression_id":"r2"}\n')
    refused = subprocess.run([TALLY, "load", "--server", server.address, "--table", "impressions", "--map", "policy=" + "x" * 70_000, rows],
                             capture_output=True, text=True, check=False, timeout=60)  # the server reads no such frame: not for ever
    assert refused.returncode == 1 and "above the limit of 65536" in refused.stderr, refused.stderr[-500:]
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
