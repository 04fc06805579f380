"""Bot and workers crash, hang or are stopped: nothing is lost, and nothing is shown twice."""

import random
import signal
import time

from infra import fetch, prompt2pic, wait_for
from servers import USERS, Kafka, Minio
from test_service import ends


def pictures_of(api, chats):
    return {chat: len(api.pictures(chat)) for chat in chats}


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
    print(f"taken up after {time.monotonic() - killed:.1f} s (limit 15)")
    api.wait_picture(4006)


def test_request_that_crashes_two_workers_fails_with_reason(service, api, kafka):
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


def test_stopped_worker_hands_back_without_failed_attempt(service, api, kafka):
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


def test_request_without_any_worker_is_refused(api, serve):
    service = serve(P2P_MODEL="nobody-draws-this")
    service.start("bot")
    api.send_text("a cat", chat=4009)
    api.wait_text("Nobody here can draw", 4009, timeout=30)


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


def test_picture_folder_works_on_one_machine(api, serve):
    service = serve(minio=None)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=4031)
    message = api.wait_picture(4031)
    assert [b["text"] for b in message.buttons()] == ["🔄 Again"], "nobody outside could reach a link"
    api.wait(lambda: any(m.media == "document" for m in api.in_chat(4031)), what="the original as a document")


def test_tls_and_scram(api, own, serve):
    kafka = own(Kafka, secure=True).start()
    minio = own(Minio, tls=True).start()
    for number, user in enumerate(("plain", "scram256", "scram512")):
        mechanism, password = USERS[user]
        kafka.allow(user)
        service = serve(kafka=kafka, minio=minio, P2P_KAFKA_BROKERS=kafka.tls_brokers, P2P_KAFKA_SECURITY_PROTOCOL="sasl_ssl",
                          P2P_KAFKA_SASL_MECHANISM=mechanism, P2P_KAFKA_USERNAME=user, P2P_KAFKA_PASSWORD=password, P2P_KAFKA_CA_FILE=kafka.certificates / "ca.crt")
        service.start("worker"), service.start("bot")
        api.send_text("a cat", chat=4040 + number)
        api.wait_picture(4040 + number)
        service.stop()
        assert password not in service.logs()
    code, text = prompt2pic("doctor", **{**service.env, "P2P_KAFKA_PASSWORD": "mistyped"})
    assert code == 1 and "check P2P_KAFKA_USERNAME, P2P_KAFKA_PASSWORD and P2P_KAFKA_SASL_MECHANISM" in text and "mistyped" not in text
    code, text = prompt2pic("doctor", **{**service.env, "P2P_KAFKA_CA_FILE": ""})
    assert code == 1 and "check P2P_KAFKA_CA_FILE" in text, text
    nobody = {"P2P_KAFKA_USERNAME": "nobody", "P2P_KAFKA_PASSWORD": USERS["nobody"][1], "P2P_KAFKA_SASL_MECHANISM": USERS["nobody"][0]}
    code, text = prompt2pic("doctor", **{**service.env, **nobody})
    assert code == 1 and "give the user 'nobody' that permission" in text, text
