"""Cases of the bus that tests of the whole service rarely reach."""

import os
import pathlib
import subprocess
import threading
import time

from infra import BINARY, wait_for

COME_AND_GO = pathlib.Path(os.environ.get("P2P_COME_AND_GO", BINARY.parent / "p2p_come_and_go"))
CONTRACT = pathlib.Path(os.environ.get("P2P_KAFKA_CONTRACT", BINARY.parent / "p2p_kafka_contract"))
READ_LOG = pathlib.Path(os.environ.get("P2P_READ_LOG", BINARY.parent / "p2p_read_log"))


def test_kafka_keeps_the_contract(kafka):
    """The suite that the embedded bus passes in the unit tests."""
    done = subprocess.run([CONTRACT, "--gtest_brief=1"], capture_output=True, text=True, timeout=600, env={**os.environ, "P2P_KAFKA_BROKERS": kafka.brokers})
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "[  PASSED  ]" in done.stdout, done.stdout[-5000:]


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
    assert "session will time out" not in done.stderr, "each leaves its group"


def read_log(kafka, topic, *offset):
    """(records, next offset)"""
    done = subprocess.run([READ_LOG, kafka.brokers, topic, *map(str, offset)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"it does not notice the log's end: {done.stdout}{done.stderr[-2000:]}"
    return tuple(int(word) for word in done.stdout.split())


def test_reader_reaches_end_after_markers_and_deleted_records(kafka):
    from confluent_kafka import Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    topics = ["ends-with-marker", "ends-open", "ends-deleted"]
    for made in admin.create_topics([NewTopic(topic, 1, 1) for topic in topics]).values():
        made.result(20)

    def produce(topic, **options):
        producer = Producer({"bootstrap.servers": kafka.brokers, **options})
        if options:
            producer.init_transactions(20)
            producer.begin_transaction()
        for _ in range(10):
            producer.produce(topic, b"x", partition=0)
        producer.flush(20)
        return producer

    # The brokers write a marker soon after the end of the transaction.
    def is_read(end):
        wait_for(lambda: read_log(kafka, "ends-with-marker") == end, 20, f"{end} is read")

    produce("ends-with-marker", **{"transactional.id": "committed"}).commit_transaction(20)
    is_read((10, 11))
    assert read_log(kafka, "ends-with-marker", 10) == (0, 11), "the marker has an offset too"
    produce("ends-with-marker", **{"transactional.id": "aborted"}).abort_transaction(20)
    is_read((10, 22))

    open_still = produce("ends-open", **{"transactional.id": "open"})
    assert read_log(kafka, "ends-open") == (0, 0), "uncommitted records are not visible"
    open_still.abort_transaction(20)

    produce("ends-deleted")
    for made in admin.delete_records([TopicPartition("ends-deleted", 0, 10)]).values():
        made.result(20)
    assert read_log(kafka, "ends-deleted", 3) == (0, 10), "all has been deleted since"
    assert read_log(kafka, "ends-deleted", 99) == (0, 10), "the offset is of a log that was longer"
