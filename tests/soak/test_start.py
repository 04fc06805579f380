"""A door starts with the events of a busy day in the topic."""

import json
import pathlib
import re
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from api_caller import KEYS, Caller
from bot_api import BotApi
from infra import PATIENCE, ROOT, Service
from servers import Kafka, Minio

REQUESTS = 200_000  # five events each
DAY = 20 * 3600


def event(name, id, moment, **more):
    fields = json.loads((ROOT / f"src/platform/messages/fixtures/event_{name}.json").read_text())
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03}Z"
    text = json.dumps({**fields, **more}, ensure_ascii=False)
    return text.replace("01936f0e-8a6b-7c3d-9e4f-0123456789ab", id).replace("2026-11-24T12:34:56.789Z", stamp).replace("2026/11/24", stamp[:10].replace("-", "/"))


def fill(kafka):
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    for future in admin.create_topics([NewTopic("prompt2pic.events", 4, 1)]).values():
        future.result(30)
    producer = Producer({"bootstrap.servers": kafka.brokers, "compression.type": "lz4", "linger.ms": 50, "queue.buffering.max.messages": 500_000})
    begin = time.time() - DAY
    names = ("accepted_api", "started", "progress", "progress", "finished")
    for i in range(REQUESTS):
        id = f"01936f0e-8a6b-7c3d-9e4f-{i:012x}"
        moment = begin + DAY * i / REQUESTS
        for name in names:
            producer.produce("prompt2pic.events", event(name, id, moment).encode(), id, timestamp=int(moment * 1000), headers={"type": name.split("_")[0]})
            moment += 1
        producer.poll(0)
        if i % 20_000 == 0:
            producer.flush()
    producer.flush()


def test_a_day_of_a_million_events_is_read_in_half_a_minute(tmp_path):
    telegram = BotApi().start()
    kafka = Kafka(tmp_path / "kafka").start()
    minio = Minio(tmp_path / "minio").start()
    fill(kafka)
    service = Service(tmp_path / "service", telegram, kafka, minio, P2P_API_KEYS=",".join(KEYS), P2P_LOG_LEVEL="info")
    began = time.monotonic()
    process = service.start("api", ready=False)
    service.wait_ready("api", 120)
    seconds = time.monotonic() - began
    peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{process.process.pid}/status").read_text())[1]) / 1024
    print(f"ready after {seconds:.1f} s, {peak:.0f} MB")
    assert peak < 500
    assert seconds < 30 * PATIENCE
    service.start("worker")
    caller = Caller(service, "api", KEYS[0])
    assert caller.call("GET", f"/v1/requests/{caller.submit('a fox')}")[0] == 200
    service.stop()
    for server in (kafka, minio, telegram):
        server.stop()
