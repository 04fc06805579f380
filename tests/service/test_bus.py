"""The bus where the whole service meets it too seldom."""

import os
import pathlib
import subprocess
import threading
import time

from infra import BINARY

COME_AND_GO = pathlib.Path(os.environ.get("P2P_COME_AND_GO", BINARY.parent / "p2p_come_and_go"))


def test_consumers_leave_while_messages_come(kafka):
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    admin, producer, ended = AdminClient({"bootstrap.servers": kafka.brokers}), Producer({"bootstrap.servers": kafka.brokers}), threading.Event()
    admin.create_topics([NewTopic("come-and-go", 4, 1)])["come-and-go"].result(20)

    def flood():
        while not ended.wait(0.005):
            for i in range(40):
                producer.produce("come-and-go", b"x" * 300, partition=i % 4)
            producer.poll(0)
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        time.sleep(3)
        start = time.monotonic()
        done = subprocess.run([COME_AND_GO, kafka.brokers, "come-and-go", "30"], capture_output=True, text=True, timeout=300)
    finally:
        ended.set()
        thread.join()
        producer.flush(20)
    print(f"\n30 readers and members read {done.stdout.strip()} messages and left within {time.monotonic() - start:.1f} s")
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 1000
    assert "will miss" not in done.stderr, "each leaves its group"
