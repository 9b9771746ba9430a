"""Stories of backups, told by serve_stories.py: of a running server, of a stopped database, killed on their way."""

import os
import random
import signal
import subprocess
import threading
import time

from serve_common import DATA, SMALL, TALLY, WORK, Server, clicks, count_in, new_database, run, tally, total
import tally_client as tc  # noqa: E402: serve_common knows where it is


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
    left = os.path.join(WORK, "harmed.tmp")
    assert f"{left}: remove it" in ran.stderr and os.path.isdir(left), ran.stderr
