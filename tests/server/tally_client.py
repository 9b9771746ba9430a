"""A client of Tally's TCP protocol in plain Python, written from server/PROTOCOL.md and docs/formats/batch.md alone."""

import socket
import struct
import zlib

HELLO, WELCOME, BATCH, RESULT, QUERY, COLUMNS, ROWS, END, CANCEL, ERROR, PING, PONG, GOODBYE, PROGRESS = range(1, 15)
RESEND, DROP, RECONNECT = 1, 2, 3
HEADER = struct.Struct("<4sBBBBIIQQQ")


class ServerError(Exception):
    def __init__(self, status, what_next, retry_after_ms, position, message):
        super().__init__(message)
        self.status, self.what_next, self.retry_after_ms = status, what_next, retry_after_ms
        self.position, self.message = position, message


class Gone(Exception):
    """The connection ended."""


def text(value):
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(raw)) + raw


def frame(kind, sequence=0, fields=b"", data=b""):
    head = HEADER.pack(b"TLYF", 1, kind, 1, 0, len(fields), len(data), sequence, zlib.crc32(data) if data else 0, 0)[:32]
    return head + struct.pack("<Q", zlib.crc32(fields, zlib.crc32(head))) + fields + data


class Fields:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def bytes(self, count):
        self.at += count
        assert self.at <= len(self.raw)
        return self.raw[self.at - count:self.at]

    def text(self):
        return self.bytes(self.take("I")).decode()

    def end(self):
        assert self.at == len(self.raw), "bytes left over"

    def cell(self):
        kind = self.take("B")
        if kind == 0:
            return None
        if kind == 1:
            return bool(self.take("B"))
        if kind == 2:
            scale = self.take("B")
            number = int.from_bytes(self.bytes(16), "little", signed=True)
            if scale == 0:
                return number
            digits = str(abs(number)).rjust(scale + 1, "0")
            return ("-" if number < 0 else "") + digits[:-scale] + "." + digits[-scale:]
        if kind == 3:
            return self.take("d")
        if kind == 4:
            return self.text()
        assert kind == 5
        return self.take("q")


def cell(value):
    if value is None:
        return b"\0"
    if isinstance(value, bool):
        return bytes([1, value])
    if isinstance(value, int):
        return bytes([2, 0]) + value.to_bytes(16, "little", signed=True)
    return b"\4" + text(value)


class Connection:
    """One connection: frames out, frames in."""

    def __init__(self, address, table="", name="python", timeout=60, hello=True, source=None, receive_buffer=None):
        """receive_buffer: bytes that the kernel may hold of what nobody has read; by default it grows as it likes."""
        host, _, port = address.rpartition(":")
        family, _, _, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(place)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sequence = 0
        self.table = table
        if hello:
            self.say_hello(table, name)

    def say_hello(self, table, name):
        self.send(HELLO, 0, struct.pack("<BBBB", 1, 1, 1, 1) + text(name) + text(table) + b"\0" + text(""))
        kind, _, fields, _ = self.receive()
        assert kind == WELCOME, kind
        (self.version, checksum, _, self.connection) = fields.take("BBBQ")
        assert checksum == 1
        self.server = fields.text()
        (self.credits, self.batch_bytes, self.batch_rows, self.idle_s, self.frame_s) = fields.take("IIIII")
        self.table_uuid = fields.bytes(16)
        self.schema_version = fields.take("I")
        self.columns = []
        for _ in range(fields.take("H")):
            number, role, kind, precision, scale = fields.take("IBBBB")
            self.columns.append({"id": number, "role": role, "type": kind, "scale": scale, "name": fields.text()})
        self.id_from = [fields.take("I") for _ in range(fields.take("H"))]
        fields.end()

    def send(self, kind, sequence=0, fields=b"", data=b""):
        self.send_raw(frame(kind, sequence, fields, data))

    def send_raw(self, raw):
        try:
            self.socket.sendall(raw)
        except OSError as error:
            raise Gone(str(error)) from error

    def exactly(self, count):
        parts = bytearray()
        while len(parts) < count:
            try:
                part = self.socket.recv(count - len(parts))
            except OSError as error:
                raise Gone(str(error)) from error
            if not part:
                raise Gone("the server closed the connection")
            parts += part
        return bytes(parts)

    def receive(self):
        """The next frame, checked: (type, sequence, Fields, data). An ERROR about the connection is raised."""
        raw = self.exactly(HEADER.size)
        magic, version, kind, checksum, zero, fields, data, sequence, data_sum, head_sum = HEADER.unpack(raw)
        assert (magic, version, checksum, zero) == (b"TLYF", 1, 1, 0), raw
        fields, data = self.exactly(fields), self.exactly(data)
        assert zlib.crc32(fields, zlib.crc32(raw[:32])) == head_sum
        assert (zlib.crc32(data) if data else 0) == data_sum
        if kind == ERROR and sequence == 0:
            raise error_of(Fields(fields))[0]
        return kind, sequence, Fields(fields), data

    def close(self):
        self.socket.close()

    def query(self, sql, parameters=(), timeout_ms=0):
        """(names, rows, message); a ServerError says what is wrong with it."""
        return self.answer(self.ask(sql, parameters, timeout_ms))

    def ask(self, sql, parameters=(), timeout_ms=0, progress=False):
        """Sends a statement; its sequence is what cancel() and answer() take."""
        self.sequence += 1
        fields = text(sql) + struct.pack("<IBH", timeout_ms, progress, len(parameters)) + b"".join(map(cell, parameters))
        self.send(QUERY, self.sequence, fields)
        return self.sequence

    def cancel(self, asked):
        self.send(CANCEL, asked)

    def answer(self, asked, on_progress=None):
        names, rows = [], []
        end = None
        for names, piece, end in self.pieces(asked, on_progress):
            rows += piece
        assert end[0] == len(rows)
        return names, rows, end[1]

    def pieces(self, asked, on_progress=None):
        """The answer as it comes: (names, rows of a frame, None) ..., then (names, [], (rows in all, message)). What is not read
        yet waits on the server, which makes no more meanwhile."""
        names = []
        while True:
            kind, sequence, fields, data = self.receive()
            if kind == PONG or sequence != asked:
                continue
            if kind == PROGRESS:
                rows_read, _ = fields.take("QQ")
                fields.end()
                if on_progress:
                    on_progress(rows_read)
                continue
            if kind == COLUMNS:
                for _ in range(fields.take("H")):
                    fields.take("BB")
                    names.append(fields.text())
            elif kind == ROWS:
                count, cells = fields.take("I"), Fields(data)
                rows = [[cells.cell() for _ in names] for _ in range(count)]
                cells.end()
                yield names, rows, None
            elif kind == END:
                count, _, _ = fields.take("QQQ")
                yield names, [], (count, fields.text())
                return
            else:
                raise error_of(fields)[0]


def error_of(fields):
    status, what_next, credits, retry_after_ms, offset, line, column = fields.take("HBIIIII")
    position = (offset, line, column) if line else None
    return ServerError(status, what_next, retry_after_ms, position, fields.text()), credits


def result_of(fields):
    credits, lsn, received, accepted, duplicates, conflicts, too_late, rejected = fields.take("IQQQQQQQ")
    rows = [fields.take("IB") for _ in range(fields.take("I"))]
    fields.end()
    counts = {"received": received, "accepted": accepted, "duplicates": duplicates, "conflicts": conflicts,
              "too_late": too_late, "rejected": rejected}
    assert received == accepted + duplicates + conflicts + too_late + rejected
    return counts, lsn, rows, credits


def batch(connection, rows):
    """The columnar bytes of rows: dicts by column name; times in microseconds, ids and strings as text."""
    count, bodies = len(rows), []
    for column in connection.columns:
        values = [row.get(column["name"]) for row in rows]
        if column["role"] == 1:
            base = min(values, default=0)
            bodies.append((column["id"], 1, 0, struct.pack("<Bq", 8, base) + b"".join(struct.pack("<Q", v - base) for v in values)))
        elif column["role"] == 2:
            if connection.id_from:
                continue
            raw = [value.encode() for value in values]
            bodies.append((column["id"], 3, 0, struct.pack("<I", sum(map(len, raw))) +
                           b"".join(struct.pack("<H", len(r)) for r in raw) + b"".join(raw)))
        elif column["role"] == 3 and column["type"] == 3:
            known = {}
            codes = [0 if v is None else known.setdefault(v, len(known) + 1) for v in values]
            heap = [v.encode() for v in known]
            bodies.append((column["id"], 5, 0, struct.pack("<IBI", len(heap), 4, sum(map(len, heap))) +
                           b"".join(struct.pack("<H", len(v)) for v in heap) + b"".join(heap) +
                           b"".join(struct.pack("<I", c) for c in codes)))
        elif column["role"] == 3:
            known = {}
            codes = [0 if v is None else known.setdefault(v, len(known) + 1) for v in values]
            bodies.append((column["id"], 6, 0, struct.pack("<IB", len(known), 4) +
                           b"".join(struct.pack("<q", v) for v in known) + b"".join(struct.pack("<I", c) for c in codes)))
        else:
            nulls = bytearray((count + 7) // 8)
            for i, value in enumerate(values):
                if value is None:
                    nulls[i // 8] |= 1 << i % 8
            flag = 1 if any(nulls) else 0
            bitmap = bytes(nulls) if flag else b""
            if column["type"] == 3:
                raw = [(v or "").encode() for v in values]
                bodies.append((column["id"], 4, flag, bitmap + struct.pack("<BI", 2, sum(map(len, raw))) +
                               b"".join(struct.pack("<H", len(r)) for r in raw) + b"".join(raw)))
            else:
                bodies.append((column["id"], 1, flag, bitmap + struct.pack("<Bq", 8, 0) +
                               b"".join(struct.pack("<Q", (v or 0) % 2**64) for v in values)))
    body = b"".join(b for _, _, _, b in bodies)
    head = struct.pack("<4sHHIIHHIII", b"TBAT", 1, 0, connection.schema_version, count, len(bodies), 0, len(body), len(body), 0)
    return head + b"".join(struct.pack("<IBBHI", n, e, f, 0, len(b)) for n, e, f, b in bodies) + body


def batch_fields(replay=False, rejected=()):
    listed = b"".join(struct.pack("<Q", row) + text(code) + text(message) + text(raw) + b"\0" for row, code, message, raw in rejected)
    return struct.pack("<B", replay) + text("") + b"\0" + text("") + text("") + struct.pack("<II", 0, len(rejected)) + listed


class Producer:
    """Sends batches, keeps each until it is answered, and after any end of the connection connects again and resends."""

    def __init__(self, address, table, name="python"):
        self.address, self.table, self.name = address, table, name
        self.unanswered, self.results, self.next = {}, {}, 1
        self.resent = 0
        self.connect()

    def connect(self):
        self.connection = Connection(self.address, self.table, self.name)
        self.credits = self.connection.credits
        self.sent = {}

    def encode(self, rows):
        return batch(self.connection, rows)

    def add(self, rows, replay=False, rejected=()):
        """Takes a batch; it is sent when there is a credit."""
        self.unanswered[self.next] = (batch_fields(replay, rejected), self.encode(rows))
        self.next += 1
        self.push()

    def push(self):
        # A sequence belongs to a connection: batches that are sent again get the next ones.
        for key, (fields, data) in self.unanswered.items():
            if self.credits == 0:
                return
            if key in self.sent.values():
                continue
            self.connection.sequence += 1
            self.sent[self.connection.sequence] = key
            self.credits -= 1
            self.connection.send(BATCH, self.connection.sequence, fields, data)

    def take_one(self):
        kind, sequence, fields, _ = self.connection.receive()
        if kind == RESULT:
            counts, lsn, rows, credits = result_of(fields)
            key = self.sent.pop(sequence)
            self.results[key] = (counts, lsn, rows)
            del self.unanswered[key]
            self.credits += credits
        elif kind == ERROR:
            error, credits = error_of(fields)
            self.credits += credits
            self.sent.pop(sequence)
            if error.what_next != RESEND:
                raise error
            self.resent += 1

    def settle(self):
        """Until everything is answered."""
        while self.unanswered:
            self.push()
            self.take_one()

    def reconnect(self):
        self.connection.close()
        self.resent += len(self.sent)
        self.connect()
        self.push()

    def total(self):
        totals = {}
        for counts, _, _ in self.results.values():
            for name, count in counts.items():
                totals[name] = totals.get(name, 0) + count
        return totals

    def goodbye(self):
        self.connection.send(GOODBYE, 0, text("done"))
        while True:
            kind, _, _, _ = self.connection.receive()
            if kind == GOODBYE:
                self.connection.close()
                return
