"""Three brokers, each killed in turn under load: the service continues and loses nothing."""

import threading
import time

from confluent_kafka.admin import AdminClient, ConfigResource

from servers import Kafka
from test_service import ends

A_SECOND = 4  # requests; a bot may make 25 calls a second
DOWN, UP = 24, 8
LONGEST_GAP = 20  # s, below DOWN; 3 to 9 on a quiet machine, up to 15 beside three other tests


def test_a_broker_dies_under_load(api, own, serve):
    kafka = own(Kafka, brokers=3).start()
    service = serve(kafka=kafka, P2P_FLAT_MS=100, P2P_LOG_LEVEL="info")
    for name in ("worker", "worker2", "bot"):
        service.start(name)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    topics = {name: topic for name, topic in admin.list_topics(timeout=10).topics.items() if name.startswith("prompt2pic.")}
    assert set(topics) == {"prompt2pic.requests.flat", "prompt2pic.events", "prompt2pic.control", "prompt2pic.dead-letters", "prompt2pic.models"}
    for name, topic in topics.items():
        assert all(len(partition.replicas) == 3 for partition in topic.partitions.values()), name
        settings = next(iter(admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values())).result()
        assert settings["min.insync.replicas"].value == "2", name

    over, chats, asked = threading.Event(), [], {}

    def load():
        while not over.wait(1 / A_SECOND):
            chats.append(20_000 + len(chats))
            asked[chats[-1]] = time.monotonic()
            api.send_text("a cat", chat=chats[-1])
    thread = threading.Thread(target=load)
    thread.start()
    downs = []
    try:
        time.sleep(4)
        for number in range(3):
            kafka.kill(number)
            begun = time.monotonic()
            time.sleep(DOWN)
            downs.append((begun, time.monotonic()))
            kafka.start(number)
            time.sleep(UP)
    finally:
        over.set()
        thread.join()
    api.wait(lambda: len(api.pictures()) == len(chats), 60, "all are shown")
    shown = sorted(message.edits[-1][0] for message in api.pictures())
    waits = sorted(message.edits[-1][0] - asked[message.chat] for message in api.pictures())
    for number, (begin, end) in enumerate(downs):
        times = [begin] + [at for at in shown if begin < at < end] + [end]
        gap = max(b - a for a, b in zip(times, times[1:]))
        print(f"broker {number} killed: {len(times) - 2} pictures in the {DOWN} s without it, the largest gap {gap:.1f} s (limit {LONGEST_GAP})")
        assert gap < LONGEST_GAP
    print(f"{len(chats)} requests, {len(shown)} shown; waited: median {waits[len(waits) // 2]:.2f} s, 95 % {waits[len(waits) * 95 // 100]:.1f} s, longest {waits[-1]:.1f} s")
    assert [len(api.pictures(chat)) for chat in chats] == [1] * len(chats)
    counted = ends(kafka)
    assert len(counted) == len(chats) and all(list_ == ["finished"] for list_ in counted.values())
