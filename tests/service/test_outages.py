"""Temporary outages of storage, broker, database or disk: nothing is lost or duplicated, and users who wait long are notified."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import time

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from infra import fetch, prompt2pic, wait_for
from servers import Kafka, Minio
from api_caller import Caller
from test_service import ends

BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

DENIED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\nConnection: close\r\n\r\n<Error><Code>AccessDenied</Code></Error>"


def not_ready(service, name, words, timeout=20):
    return wait_for(lambda: (answer := fetch(service.url(name, "/readyz")))[0] == 503 and words in answer[1], timeout, f"{name} says: {words}")


def only_ones(api, chats):
    time.sleep(1)
    assert [len(api.pictures(chat)) for chat in chats] == [1] * len(chats)


def test_the_store_may_be_away(api, own, serve):
    minio = own(Minio).start()
    service = serve(minio=minio)
    service.start("worker"), service.start("bot")
    minio.stop()
    down = time.monotonic()
    for chat in (4010, 4110):
        api.send_text("a cat", chat=chat)
    api.wait_text("the storage is slow", 4010, timeout=15)
    print(f"reported after {time.monotonic() - down:.1f} s (limit 15)")
    not_ready(service, "worker", "cannot be stored")
    time.sleep(max(0, 30 - (time.monotonic() - down)))
    minio.start()
    up = time.monotonic()
    for chat in (4010, 4110):
        api.wait_picture(chat, timeout=15)
    print(f"shown {time.monotonic() - up:.1f} s after it came back (limit 15)")
    service.wait_ready("worker", 10)
    only_ones(api, (4010, 4110))


@pytest.mark.parametrize("mode", [BUSY, "stall", "cut"], ids=["503", "stall", "cut"])
@pytest.mark.parametrize("whose", ["worker", "bot"])
def test_the_store_may_be_slow_for_one_of_them(api, minio, serve, proxy, mode, whose):
    way = proxy(minio.port)
    service = serve()
    for name in ("worker", "bot"):
        service.start(name, **({"P2P_S3_ENDPOINT": f"http://127.0.0.1:{way.port}"} if name == whose else {}))
    way.set(mode)
    chats = range(4120, 4132)  # more than the bot downloads in parallel
    for chat in chats:
        api.send_text("a cat", chat=chat)
    asked = time.monotonic()
    for chat in chats:
        api.wait_text("the storage is slow", chat, timeout=max(0.1, asked + 15 - time.monotonic()))
    print(f"reported after {time.monotonic() - asked:.1f} s (limit 15)")
    api.send_text("/help", chat=4140)
    api.wait_text("Under each picture", 4140, timeout=3)
    way.set("pass")
    for chat in chats:
        api.wait_picture(chat, timeout=40)
    only_ones(api, chats)


def test_wrong_keys_of_the_store_are_reported_and_can_be_fixed(api, minio, serve):
    service = serve()
    service.start("bot")
    service.start("worker", ready=False, P2P_S3_SECRET_KEY="mistyped-secret")
    api.send_text("a cat", chat=4150)
    api.wait_text("the storage is slow", 4150, timeout=15)
    not_ready(service, "worker", "cannot be stored")
    code, text = prompt2pic("doctor", **{**service.env, "P2P_S3_SECRET_KEY": "mistyped-secret"})
    assert code == 1 and "storage: FAILED" in text and "SignatureDoesNotMatch; check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY" in text
    service.processes["worker"].stop()
    service.start("worker")
    api.wait_picture(4150)
    only_ones(api, [4150])
    assert "mistyped-secret" not in service.logs() + text


def test_refused_workers_leave_requests_to_others(api, kafka, minio, serve, proxy):
    way = proxy(minio.port)
    service = serve()
    service.start("worker", P2P_FLAT_MS=300), service.start("bot")
    service.start("worker2", P2P_FLAT_MS=300, P2P_S3_ENDPOINT=f"http://127.0.0.1:{way.port}")
    service.start("worker3", ready=False, P2P_S3_SECRET_KEY="mistyped-secret")
    chats = range(4200, 4220)
    for chat in chats:
        api.send_text("a cat", chat=chat)
        if chat == 4205:
            api.wait_picture(4200)
            way.set(DENIED)
    for chat in chats:
        api.wait_picture(chat, timeout=60)
    only_ones(api, chats)
    not_ready(service, "worker2", "cannot be stored")
    not_ready(service, "worker3", "SignatureDoesNotMatch; check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY")
    assert fetch(service.url("worker", "/readyz"))[0] == 200
    way.set("pass")
    service.wait_ready("worker2", 30)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_idle_worker_reports_store_outage(api, minio, serve, proxy):
    way = proxy(minio.port)
    service = serve(P2P_S3_ENDPOINT=f"http://127.0.0.1:{way.port}")
    service.start("worker")
    way.set(DENIED)
    not_ready(service, "worker", "AccessDenied", timeout=90)
    way.set("pass")
    service.wait_ready("worker", 30)


def test_the_broker_may_be_away(api, own, serve):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=4011)
    api.wait_picture(4011)
    kafka.kill()
    down = time.monotonic()
    chats = range(4012, 4017)
    for chat in chats:
        api.send_text("a cat", chat=chat)
    api.wait_text("queue is not reachable", 4012, timeout=20)
    print(f"reported after {time.monotonic() - down:.1f} s (limit 20)")
    for name in ("worker", "bot"):
        not_ready(service, name, "Kafka")
    time.sleep(max(0, 30 - (time.monotonic() - down)))
    kafka.start()
    for chat in chats:
        api.wait_picture(chat, timeout=60)
    only_ones(api, chats)
    service.wait_ready("worker"), service.wait_ready("bot")
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_a_worker_may_be_stopped_while_the_broker_hangs(api, own, serve):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    service.start("worker", P2P_FLAT_MS=4000), service.start("bot")
    api.send_text("a cat", chat=4018)
    api.wait_text("Drawing", 4018)
    kafka.processes[0].signal(signal.SIGSTOP)
    service.processes["worker"].signal(signal.SIGTERM)
    time.sleep(4)
    kafka.processes[0].signal(signal.SIGCONT)
    assert service.processes["worker"].process.wait(60) == 0
    service.start("worker")
    api.wait_picture(4018, timeout=30)
    only_ones(api, [4018])
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


@contextlib.contextmanager
def locked(service):
    """Locks the database in another process."""
    connection = sqlite3.connect(service.folder / "data/prompt2pic.db", isolation_level=None)
    connection.execute("PRAGMA busy_timeout=10000")
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


def test_the_database_may_be_locked(service, api, kafka):
    chats = range(4160, 4165)
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=2000)
    api.send_text("a cat", chat=4160)
    api.wait(lambda: api.in_chat(4160))
    with locked(service):
        for chat in chats[1:]:
            api.send_text("a cat", chat=chat)
        not_ready(service, "bot", "database")
        time.sleep(6)
    for chat in chats:
        api.wait_picture(chat, timeout=30)
    only_ones(api, chats)
    service.wait_ready("bot", 5)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_bot_with_locked_database_stops(service, api):
    with locked(service):
        api.send_text("a cat", chat=4170)
        not_ready(service, "bot", "database")
        start = time.monotonic()
        assert service.processes["bot"].stop(60) == 0
        print(f"stopped after {time.monotonic() - start:.1f} s (limit 60)")
    service.start("bot")
    api.wait_picture(4170)
    only_ones(api, [4170])


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a separate disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]).returncode:
        pytest.skip("a small disk takes the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(bytes(4096)):
            pass


@pytest.mark.parametrize("whose", ["the bot's", "the worker's"])
def test_a_disk_may_be_full(api, kafka, serve, small_disk, whose):
    """Pictures in a folder: the bot's disk holds the database, the worker's disk the pictures."""
    service = serve(minio=None)
    data = service.folder / "data"
    data.mkdir()
    if whose == "the bot's":
        service.env["P2P_DATA_DIR"] = str(small_disk)
    if whose == "the worker's":
        (data / "pictures").symlink_to(small_disk)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=4180)
    api.wait_picture(4180)
    fill(small_disk)
    chats = range(4181, 4186)
    for chat in chats:
        api.send_text("a cat", chat=chat)
    if whose == "the bot's":
        not_ready(service, "bot", "database")
        time.sleep(3)
    else:
        api.wait_text("the storage is slow", 4181, timeout=20)
        not_ready(service, "worker", "cannot be stored")
    (small_disk / "ballast").unlink()
    for chat in chats:
        api.wait_picture(chat, timeout=30)
    api.wait(lambda: all([m.media for m in api.in_chat(chat)] == ["photo", "document"] for chat in chats), 20, "the originals, since nobody outside reaches a link")
    time.sleep(1)
    assert all([m.media for m in api.in_chat(chat)] == ["photo", "document"] for chat in chats)
    service.wait_ready("bot", 10), service.wait_ready("worker", 10)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())
    service.stop()  # before the disk is unmounted


def test_bot_and_worker_may_start_before_everything_else(api, own, serve):
    kafka, minio = own(Kafka), own(Minio)
    service = serve(kafka=kafka, minio=minio)
    api.stop()
    service.start("bot", ready=False), service.start("worker", ready=False)
    not_ready(service, "bot", "Telegram")
    not_ready(service, "worker", "Kafka")
    assert fetch(service.url("bot", "/livez"))[0] == fetch(service.url("worker", "/livez"))[0] == 200
    api.start(api.port)
    not_ready(service, "bot", "Kafka", 15)
    api.send_text("a cat", chat=4190)
    api.wait(lambda: api.in_chat(4190), what="it is taken")
    api.wait_text("queue is not reachable", 4190)
    kafka.start(), minio.start()
    api.wait_picture(4190, timeout=40)
    service.wait_ready("bot"), service.wait_ready("worker")
    only_ones(api, [4190])


def test_refused_message_fails_request_and_frees_queue(serve, api, own):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    for name in ("worker", "bot", "api"):
        service.start(name)
    limit = ConfigEntry("max.message.bytes", "700", incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ConfigResource.Type.TOPIC, "prompt2pic.requests.flat", incremental_configs=[limit])
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.incremental_alter_configs([topic])[topic].result(20)
    large = "".join(random.Random(1).choices("abcdefghijklmnop", k=2000))  # compresses to no less than 1,000 bytes
    caller = Caller(service, key=None)
    api.send_text(large, chat=4195)
    call = caller.ask(large)[2]["id"]
    api.wait_text("did not work out", 4195)
    assert caller.settled(call)["status"] == "failed"
    api.send_text("a cat", chat=4195)
    api.wait_picture(4195)
    assert caller.settled(caller.ask()[2]["id"])["status"] == "finished"
