"""Stories of serve_stories.py about clients that mean harm or are in a bad way, one kind of harm each, and of nobody reading the log:
the server holds what it promises to the others."""

import json
import os
import socket
import struct
import subprocess

from serve_common import DATA, SMALL, TALLY, Server, clicks, new_database, tally, total

import tally_client as tc

BAD_FRAME = 40


def expect_bad_frame(connection, words):
    try:
        while True:
            connection.receive()
    except tc.ServerError as error:
        assert error.status == BAD_FRAME and words in error.message, (error.status, error.message)
    connection.close()


def send_query(connection, sql, *cells):
    connection.sequence += 1
    fields = tc.text(sql) + struct.pack("<IBH", 0, 0, len(cells)) + b"".join(cells)
    connection.send(tc.QUERY, connection.sequence, fields)
    return connection.sequence


def parameters():
    """Values that are none: scales above what numbers have, texts that are no text. Each ends its connection and nothing else."""
    new_database(SMALL)
    server = Server()
    producer = tc.Producer(server.address, "clicks")
    producer.add(clicks(0, 100))
    producer.settle()

    def number(scale, value):
        return bytes([2, scale]) + value.to_bytes(16, "little", signed=True)

    statements = ("SELECT $1 < $2", "SELECT $1 * $2, ROUND($1, 2), CAST($2 AS INT64)", "SELECT COUNT(*) FROM clicks.raw WHERE n > $1 AND n < $2",
                  "SELECT COUNT(*) FROM clicks.raw WHERE n IN ($1, $2)", "SELECT SUM(n * $1) FROM clicks.raw HAVING SUM(n) > $2")
    for sql in statements:
        for scale in (39, 40, 76, 77, 127, 128, 255):
            for value in (0, 1, -1, 2**127 - 1, -2**127):
                client = tc.Connection(server.address)
                send_query(client, sql, number(scale, value), number(0, 1))
                expect_bad_frame(client, "at most 38")
        client = tc.Connection(server.address)
        for value in (0, 1, -1, 2**127 - 1, -2**127):
            asked = send_query(client, sql, number(38, value), number(38, 1))
            try:
                client.answer(asked)
            except tc.ServerError as error:  # too large, perhaps; said of the statement alone
                assert error.status in (22, 23), (sql, value, error.status, error.message)
    client = tc.Connection(server.address)
    send_query(client, "SELECT $1", tc.cell(b"\xff\xfe\x00"))
    expect_bad_frame(client, "not UTF-8")
    client = tc.Connection(server.address)
    try:
        client.answer(send_query(client, b"SELECT\n '\xff'"))
        raise AssertionError("a statement that is not UTF-8 was run")
    except tc.ServerError as error:
        assert error.status == 22 and error.position and error.position[1] == 2, (error.status, error.message, error.position)
    assert client.query("SELECT 1")[1] == [[1]]
    assert total(server.address) == 100
    server.stop()


def bad_bytes():
    """Bytes of a rejected row may be any; they are kept, and shown as text: over the network, as JSON, in the database itself."""
    new_database(SMALL)
    server = Server()
    for rejected in ((1, b"\xff", "no", "raw"), (1, "bad_number", b"\xff", "raw")):
        client = tc.Connection(server.address, "clicks")
        client.send(tc.BATCH, 1, tc.batch_fields(False, [rejected]), tc.batch(client, clicks(0, 1)))
        expect_bad_frame(client, "not UTF-8")
    producer = tc.Producer(server.address, "clicks")
    producer.add(clicks(0, 2), rejected=[(7, "bad_utf8", "no", b"caf\xe9,\xff,\xc3\xbc")])
    producer.settle()
    assert producer.total()["rejected"] == 1
    sql = "SELECT raw FROM system.dead_letters"
    shown = "caf\\xE9,\\xFF,ü"
    assert tc.Connection(server.address).query(sql)[1] == [[shown]]
    words = ("sql", "--format", "jsonl", "-c", sql)
    assert json.loads(tally(*words, "--server", server.address)) == {"raw": shown}
    server.stop()
    assert json.loads(tally(*words, "--data", DATA)) == {"raw": shown}


def announced():
    """A hundred headers that announce five MiB each and bring nothing: memory is taken for what comes, not for what is announced."""
    new_database(SMALL)
    server = Server()
    first = tc.Connection(server.address)
    first.query("SELECT SUM(total) FROM clicks")
    size = 5 << 20
    head = tc.HEADER.pack(b"TLYF", 1, tc.QUERY, 1, 0, size, 0, 1, 0, 0)
    crowd = [tc.Connection(server.address) for _ in range(100)]
    before = server.resident()
    for one in crowd:
        one.send_raw(tc.frame(tc.PING, 1) + head)
    for one in crowd:
        assert one.receive()[0] == tc.PONG
    assert first.query("SELECT 1")[1] == [[1]]
    assert server.metric("tally_connections") == 101
    grown = server.resident() - before
    assert grown < 60 << 20 or "TALLY_SANITIZED" in os.environ, grown
    # One that does come whole is a statement, however long.
    sql = "SELECT 1 --" + "x" * (4_000_000)
    assert first.query(sql)[1] == [[1]]
    for kind in (tc.PING, tc.PONG, tc.CANCEL):
        crowd[kind].close()
        client = tc.Connection(server.address)
        client.send(kind, 1, b"x")
        expect_bad_frame(client, "it may have 0")
    server.stop()


def unread_log():
    """Whoever reads the log goes away: the next line of it goes nowhere, and the server goes on."""
    new_database(SMALL)
    reader, writer = os.pipe()
    command = [TALLY, "serve", "--data", DATA, "--tcp", "127.0.0.1:0", "--ops", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer, text=True)
    os.close(writer)
    try:
        said = {}
        while "ready" not in said:
            line = process.stdout.readline()
            assert line, "the server ended before it was ready"
            word, _, rest = line.strip().partition(" ")
            said[word] = rest
        os.close(reader)
        for _ in range(3):
            stranger = tc.Connection(said["ready"], hello=False)
            stranger.send_raw(b"GET / HTTP/1.0\r\n\r\n" + bytes(40))
            expect_bad_frame(stranger, "no TLYF")  # and the log says so, too
        assert tc.Connection(said["ready"]).query("SELECT 1")[1] == [[1]]
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def expect_http(ops):
    """Requests that are none, or not for this listener, are answered, whatever comes behind their headers."""
    host, port = ops.rsplit(":", 1)
    post = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    for raw, status in ((post % 3 + b"x=1", 405), (post % 100_000 + bytes(100_000), 405), (post % (1 << 40), 405),
                        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431), (b"GET " + b"x" * 20_000, 431),
                        (b"nothing of the kind\r\n\r\n", 400), (tc.frame(tc.HELLO), 400), (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
                        (b"GET /health/live HTTP/1.0\r\n\r\n", 200)):
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(raw)
            answer = b""
            while part := client.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 %d " % status), (raw[:40], status, answer[:60])
