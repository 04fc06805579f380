"""One queue for chat and API: fairness and positions count the requests of both."""

import json
import re
import sqlite3
import time
import uuid

from api_caller import Caller
from infra import wait_for
from servers import Kafka
from test_service import ends


def test_positions_and_turns_count_both_doors(api, own, serve):
    service = serve(kafka=own(Kafka).start(), P2P_FLAT_MS=3000)
    for name in ("worker", "bot", "api"):
        service.start(name)
    caller = Caller(service, key=None)
    first = caller.ask()[2]["id"]
    wait_for(lambda: caller.status(first)["status"] == "drawing", 10, "the first is drawn")
    waiting = [caller.ask()[2]["id"] for _ in range(4)]
    wait_for(lambda: [caller.status(id).get("position") for id in waiting] == [1, 2, 3, 4], 5, "they wait one after the other")
    api.send_text("a cat", chat=8100)
    message = api.wait_text("In the queue: number", 8100)
    assert re.search(r"number [12]\b", message.text), "a burst delays another by a request or two"
    wait_for(lambda: 5 in [caller.status(id).get("position") for id in waiting], 5, "the chat's request stands before the last ones")
    asked = time.monotonic()
    api.wait_picture(8100, timeout=20)
    print(f"the chat's picture came {time.monotonic() - asked:.1f} s later; a drawing takes 3 s")
    assert time.monotonic() - asked < 5 * 3, "what was being drawn, two of the burst at most, and its own; not all four"
    for id in (first, *waiting):
        assert caller.settled(id)["status"] == "finished"


def test_no_worker_idles_while_both_doors_ask(api, own, serve):
    """Each worker has one request at a time, and both are busy as long as requests wait."""
    kafka = own(Kafka).start()
    service = serve(kafka=kafka, P2P_FLAT_MS=500)
    for name in ("worker", "worker2", "bot", "api"):
        service.start(name)
    caller = Caller(service, key=None)
    for number in range(10):
        api.send_text("a cat", chat=8200 + number, user=8200 + number)
    ids = [caller.ask()[2]["id"] for _ in range(10)]
    for id in ids:
        assert caller.settled(id)["status"] == "finished"
    for number in range(10):
        api.wait_picture(8200 + number)
    started = {}
    for key, value, headers, partition in kafka.read("prompt2pic.events"):
        if value["type"] == "started":
            started.setdefault(value["worker"], []).append(key)
    print({worker: len(keys) for worker, keys in started.items()})
    assert sorted(len(keys) for keys in started.values()) in ([9, 11], [10, 10], [8, 12])
    assert all(list_ == ["finished"] for list_ in ends(kafka).values())


OLD_SCHEMA = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
CREATE TABLE updates (id BIGINT PRIMARY KEY);
CREATE TABLE requests (id TEXT PRIMARY KEY, chat BIGINT NOT NULL, accepted BIGINT NOT NULL, ended BIGINT NOT NULL, settled INTEGER NOT NULL, link_until BIGINT NOT NULL, body TEXT NOT NULL);
CREATE INDEX requests_unsettled ON requests (accepted) WHERE settled = 0;
CREATE INDEX requests_links ON requests (link_until) WHERE link_until > 0;
CREATE TABLE letters (number BIGINT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE replies (number BIGINT PRIMARY KEY, chat BIGINT NOT NULL, body TEXT NOT NULL);
CREATE TABLE offsets (topic TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL, PRIMARY KEY (topic, part));
CREATE TABLE user_days (person BIGINT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (person, day));
"""
WAITING, SENT = 0, 1  # the status of a row


def old_request(id, now, **more):
    return {"schema_version": 1, "id": id, "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now)), "model": "flat", "prompt": "a fox", "seed": 7, **more}


def old_row(id, chat, now, status, **more):
    return {"id": id, "user": chat, "chat": chat, "in_group": False, "thread": None, "asked_in": 0, "language": 0, "model": "flat", "prompt": "a fox", "seed": 7, "variations": [], "upscale": 0.0,
            "accepted": now * 1000, "traceparent": "", "status": status, "dispatch": 1, "strikes": 0, "partition": 0, "started": False, "cancelling": False, "message": 0, **more}


def test_data_of_previous_version_is_migrated(api, own, serve):
    """0.1.0 before the common dispatcher: the bot sent requests to workers from a queue in its database, and its events named no owner."""
    kafka = own(Kafka).start()
    service = serve(kafka=kafka, P2P_FLAT_MS=200)
    service.start("worker"), service.start("api")  # which creates the topics
    service.processes["api"].stop()
    service.processes["worker"].stop()
    now = int(time.time())
    names = {"waits": WAITING, "sent": SENT, "sending": SENT, "cancelling": SENT}
    ids = {name: str(uuid.uuid4()) for name in names}
    data = service.folder / "bot-data"
    data.mkdir()
    database = sqlite3.connect(data / "prompt2pic.db")
    database.executescript(OLD_SCHEMA)
    for number, (name, status) in enumerate(names.items()):
        id = ids[name]
        row = old_row(id, 8300 + number, now, status, cancelling=name == "cancelling")
        api.send_text("/help", chat=8300 + number)  # a known chat
        database.execute("INSERT INTO requests VALUES (?, ?, ?, 0, 0, 0, ?)", (id, 8300 + number, now * 1000, json.dumps(row)))
        kafka.produce("prompt2pic.events", json.dumps({"schema_version": 1, "id": id, "time": old_request(id, now)["time"], "type": "accepted", "request": old_request(id, now)}).encode(), key=id)
    for partition in range(4):  # a new bot would start at the end of the topic
        database.execute("INSERT INTO offsets VALUES ('prompt2pic.events', ?, 0)", (partition,))
    letter = {"topic": "prompt2pic.requests.flat", "partition": 0, "key": ids["sending"], "value": json.dumps(old_request(ids["sending"], now)), "headers": []}
    database.execute("INSERT INTO letters VALUES (1, ?)", (json.dumps(letter),))
    database.commit()
    database.close()
    for name in ("sent", "cancelling"):
        kafka.produce("prompt2pic.requests.flat", json.dumps(old_request(ids[name], now)).encode(), key=ids[name])
    kafka.produce("prompt2pic.control", json.dumps({"schema_version": 1, "id": ids["cancelling"], "time": old_request("x", now)["time"], "type": "cancel", "dispatch": 1}).encode(), key=ids["cancelling"])

    service.start("worker")
    service.start("bot", P2P_DATA_DIR=data)
    for number, name in enumerate(names):
        api.wait_text("Cancelled.", 8300 + number) if name == "cancelling" else api.wait_picture(8300 + number)
    time.sleep(2)
    counted = ends(kafka)
    assert all(len(counted[id]) == 1 for id in ids.values()), counted
    assert len(api.pictures()) == 3
    api.send_text("a cat", chat=8310)
    api.wait_picture(8310)
