"""Long use of S3 and PostgreSQL while both, and entrepot, fail again and again."""
import random
import threading
import time

from backends import Backends
from stage import Stage, busy, eventually, must, status

CLIENTS = 4


def soak(lab):
    """So many minutes on MinIO and PostgreSQL; then rows and bytes are equal and every promise is kept."""
    stores = Backends(lab, "s3-postgres")
    stage = Stage(lab, stores)
    try:
        with lab.origin() as stage.origin:
            return through(stage, lab.options.minutes * 60)
    finally:
        stage.down()
        stores.close()


def through(stage, seconds):
    chance, counts, end = random.Random(20), dict.fromkeys(EVENTS, 0), time.monotonic() + seconds
    stage.up()
    stop = threading.Event()
    clients = [threading.Thread(target=busy, args=(stage, f"c{at}", stop), daemon=True) for at in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        while time.monotonic() < end:
            # Each of them as often as the others, in an order that changes.
            for event in chance.sample(list(EVENTS), len(EVENTS)):
                time.sleep(chance.uniform(1, 8))
                EVENTS[event](stage, chance)
                counts[event] += 1
    finally:
        stop.set()
        for client in clients:
            client.join()
    eventually("everything to be well again", lambda: status(stage.server.client, "/readyz") == 200)
    wrong = stage.promises.broken(stage.server.client)
    _, found = stage.verify("--repair")
    lost = sum(finding["fault"] == "missing-bytes" for finding in found)
    code, left = stage.verify()
    must(code == 0 and not left, f"after a repair there are findings: {left[:3]}")
    if lost:
        wrong.append(f"{lost} records without bytes")
    figures = {name: count for name, count in counts.items() if count}
    figures |= {"promises": stage.promises.count(), "unrecorded": len(found) - lost, "records without bytes": lost}
    return figures, wrong


# ---- what happens ------------------------------------------------------------------------------------


def killed(stage, _):
    stage.kill()
    stage.up()


def stopped(stage, _):
    stage.again()


def without_postgres(stage, chance):
    stage.stores.postgres.kill()
    time.sleep(chance.uniform(0, 12))
    stage.stores.postgres.start()


def without_s3(stage, chance):
    stage.stores.proxy.down()
    time.sleep(chance.uniform(0, 12))
    stage.stores.proxy.up()


def s3_killed(stage, chance):
    stage.stores.s3.stop(9)
    time.sleep(chance.uniform(0, 5))
    stage.stores.s3.start()


def s3_faulty(stage, chance):
    source = random.Random(chance.random())
    lock = threading.Lock()

    def fault(*_):
        with lock:
            return source.choice((500, 503, "cut", "lose", "short")) if source.random() < 0.2 else None

    stage.stores.proxy.fault = fault
    time.sleep(chance.uniform(5, 20))
    stage.stores.proxy.fault = None


EVENTS = {
    "kills": killed,
    "restarts": stopped,
    "PostgreSQL away": without_postgres,
    "S3 away": without_s3,
    "S3 killed": s3_killed,
    "S3 faulty": s3_faulty,
}
