"""What dies or fails on the way: nothing is lost, nothing is shown twice."""

import random
import signal
import time

import pytest

from bot_api import BotApi
from infra import Kafka, Minio, Service, fetch, wait_for
from test_service import ends


def pictures_of(api, chats):
    return {chat: len(api.pictures(chat)) for chat in chats}


@pytest.mark.parametrize("kind", [429, 500, 502, "drop", "lose", "garbage", "slow"])
def test_faults_of_telegram(service, api, kind):
    for method in ("sendMessage", "editMessageMedia"):
        api.fail(method, kind, 2)
    api.send_text("a cat", chat=4000)
    api.wait_picture(4000, timeout=40)
    time.sleep(1)
    assert len(api.pictures(4000)) == 1
    assert sum(bool(m.media) for m in api.in_chat(4000)) == 1


def test_updates_survive_failing_polls(service, api):
    for kind in (502, "drop", "lose", "garbage", 429):
        api.fail("getUpdates", kind)
        api.send_text("a cat", chat=4001)
    api.wait_picture(4001, 5, timeout=60)
    assert len(api.pictures(4001)) == 5


def test_a_blocked_bot_gives_up_quietly(service, api):
    api.blocked.add(4002)
    api.send_text("a cat", chat=4002)
    api.send_text("a cat", chat=4003)
    api.wait_picture(4003)
    assert not api.in_chat(4002)


def test_a_deleted_status_message_is_made_anew(service, api):
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=2000)
    api.send_text("a cat", chat=4004)
    message = api.wait(lambda: api.in_chat(4004))[0]
    with api.changed:
        del api.messages[message.id]
    api.wait_picture(4004)
    assert len(api.in_chat(4004)) == 1


def test_a_migrated_group_is_followed(service, api):
    api.migrated[-4005] = -1004005
    api.send_text("/txt2img a cat", chat=-4005, user=7, chat_type="group")
    api.wait_picture(-1004005)


def test_a_dead_worker_is_replaced_within_15_seconds(service, api):
    service.start("worker2", P2P_FLAT_MS=3000)
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=3000)
    api.send_text("a cat", chat=4006)
    api.wait_text("Drawing", 4006)
    busy = next(n for n in ("worker", "worker2") if "\nprompt2pic_worker_busy 1" in fetch(service.url(n, "/metrics"))[1])
    service.processes[busy].kill()
    killed = time.monotonic()
    other = "worker" if busy == "worker2" else "worker2"
    wait_for(lambda: "\nprompt2pic_worker_busy 1" in fetch(service.url(other, "/metrics"))[1], 15, "the other worker draws it")
    api.wait_picture(4006)
    print("taken up after", time.monotonic() - killed)


def test_a_request_that_kills_two_workers_is_told(service, api, kafka):
    service.processes["worker"].stop()
    api.send_text("a cat", chat=4007)
    for name in ("worker3", "worker4"):
        service.start(name, P2P_FLAT_MS=60000)
        wait_for(lambda: "\nprompt2pic_worker_busy 1" in fetch(service.url(name, "/metrics"))[1], 30, "it is drawn")
        time.sleep(0.5)
        service.processes[name].kill()
    service.start("worker5")
    api.wait_text("broke down twice", 4007, timeout=30)
    assert any(value["reason"] == "killed_worker" for k, value, h, p in kafka.read("prompt2pic.dead-letters"))


def test_a_stopped_worker_hands_back_without_a_strike(service, api, kafka):
    service.processes["worker"].stop()
    for name in ("w1", "w2", "w3"):
        process = service.start(name, P2P_FLAT_MS=100000)
        if name == "w1":
            api.send_text("a cat", chat=4008)
        wait_for(lambda: "\nprompt2pic_worker_busy 1" in fetch(service.url(name, "/metrics"))[1], 30, "it is drawn")
        time.sleep(0.5)
        assert process.stop() == 0
    service.start("w4")
    api.wait_picture(4008, timeout=30)


def test_without_any_worker_ever_it_is_refused(tmp_path, api, kafka, minio):
    service = Service(tmp_path / "s", api, kafka, minio, P2P_MODEL="nobody-draws-this")
    service.start("bot")
    api.send_text("a cat", chat=4009)
    api.wait_text("Nobody here can draw", 4009, timeout=30)
    service.stop()


def test_the_store_may_be_away(tmp_path, api, kafka):
    minio = Minio(tmp_path / "m").start()
    service = Service(tmp_path / "s", api, kafka, minio)
    service.start("worker"), service.start("bot")
    minio.stop()
    api.send_text("a cat", chat=4010)
    api.wait_text("the storage is slow", 4010, timeout=30)
    minio.start()
    api.wait_picture(4010, timeout=30)
    service.stop()
    minio.stop()


def test_the_broker_may_be_away(tmp_path, api, minio):
    kafka = Kafka(tmp_path / "k").start()
    service = Service(tmp_path / "s", api, kafka, minio)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=4011)
    api.wait_picture(4011)
    kafka.kill()
    for i in range(5):
        api.send_text("a cat", chat=4012 + i)
    api.wait_text("queue is not reachable", 4012, timeout=30)
    wait_for(lambda: fetch(service.url("worker", "/readyz"))[0] == 503, 20, "the worker says that it is not ready")
    time.sleep(10)
    kafka.start()
    for i in range(5):
        api.wait_picture(4012 + i, timeout=60)
    service.stop()
    assert all(len(list_) == 1 for list_ in ends(kafka).values())
    kafka.stop()


def test_the_bot_may_die_at_any_moment(service, api, kafka):
    chats = range(5000, 5030)
    numbers = random.Random(1)
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=100)
    for chat in chats:
        api.send_text("a cat", chat=chat)
        if numbers.random() < 0.2:
            time.sleep(numbers.random() * 0.3)
            service.processes["bot"].kill()
            service.start("bot", ready=False)
    api.wait(lambda: all(api.pictures(chat) for chat in chats), 90, "all are answered")
    time.sleep(1)
    assert set(pictures_of(api, chats).values()) == {1}
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_a_paused_worker_does_not_answer_twice(service, api, kafka):
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=4000)
    api.send_text("a cat", chat=4020)
    api.wait_text("Drawing", 4020)
    service.processes["worker"].signal(signal.SIGSTOP)
    service.start("worker2", ready=False)
    api.wait_picture(4020, timeout=40)
    service.processes["worker"].signal(signal.SIGCONT)
    time.sleep(8)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_webhooks_check_the_secret(tmp_path, api, kafka, minio):
    service = Service(tmp_path / "s", api, kafka, minio)
    service.start("worker")
    port = service.ports.setdefault("bot", __import__("infra").free_port())
    service.start("bot", P2P_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook/x", P2P_TELEGRAM_WEBHOOK_SECRET="right")
    api.wait(lambda: api.webhook)
    import urllib.request
    for secret in ("wrong", "", "right2"):
        request = urllib.request.Request(service.url("bot", "/hook/x"), data=b"{}", headers={"X-Telegram-Bot-Api-Secret-Token": secret})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 401
    api.send_text("a cat", chat=4030)
    api.wait_picture(4030)
    assert api.webhook_calls == [200]
    service.stop()


def test_a_folder_serves_one_machine(tmp_path, api, kafka):
    service = Service(tmp_path / "s", api, kafka, None)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=4031)
    message = api.wait_picture(4031)
    assert [b["text"] for b in message.buttons()] == ["🔄 Again"], "nobody outside could reach a link"
    api.wait(lambda: any(m.media == "document" for m in api.in_chat(4031)), what="the original as a document")
    service.stop()


def test_tls_and_scram(tmp_path, api):
    from infra import USERS
    kafka = Kafka(tmp_path / "k", secure=True).start()
    minio = Minio(tmp_path / "m", tls=True).start()
    for number, user in enumerate(("plain", "scram256", "scram512")):
        mechanism, password = USERS[user]
        kafka.allow(user)
        service = Service(tmp_path / user, api, kafka, minio, P2P_KAFKA_BROKERS=kafka.tls_brokers, P2P_KAFKA_SECURITY_PROTOCOL="sasl_ssl",
                          P2P_KAFKA_SASL_MECHANISM=mechanism, P2P_KAFKA_USERNAME=user, P2P_KAFKA_PASSWORD=password, P2P_KAFKA_CA_FILE=kafka.certificates / "ca.crt")
        service.start("worker"), service.start("bot")
        api.send_text("a cat", chat=4040 + number)
        api.wait_picture(4040 + number)
        service.stop()
        assert password not in service.logs()
    kafka.stop()
    minio.stop()
