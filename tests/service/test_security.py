"""Attacks: each is refused or harmless."""

import base64
import gzip
import http.client
import json
import re
import time
import uuid

import pytest

from infra import BINARY, Process, fetch, free_port, prompt2pic, wait_for
from servers import Kafka

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
JSON = {"Content-Type": "application/json"}


def started(service, name="bot", **settings):
    """A bot with a webhook, to which only the test pushes updates."""
    port = service.ports.setdefault(name, free_port())
    service.start(name, P2P_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook/x", P2P_TELEGRAM_WEBHOOK_SECRET="right", **settings)
    return service.url(name, "/hook/x")


def memory(service, name):
    """The peak memory of the process, in MB."""
    pid = service.processes[name].process.pid
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) // 1024


def raw(service, name, method, path, body=None, headers=None, chunked=False):
    """The status of a request with an unnormalised path; 0 if the connection is closed."""
    connection = http.client.HTTPConnection("127.0.0.1", service.ports[name], timeout=15)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


# --- the webhook


def test_the_webhook_takes_updates_from_telegram_alone(api, serve):
    service = serve()
    service.start("worker")
    hook = started(service)
    api.wait(lambda: api.webhook)
    update = json.dumps({"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "a cat", "chat": {"id": 6000, "type": "private"},
                                                     "from": {"id": 6000, "is_bot": False, "first_name": "U"}}}).encode()
    for secret in ("wrong", "", "right2", "righ", "RIGHT", "right,right"):
        assert fetch(hook, update, **JSON, **{SECRET_HEADER: secret})[0] == 401
    assert fetch(hook, update, **JSON)[0] == 401, "without any"
    for path in ("/hook/x/", "/hook", "/hook/x%00", "//hook/x"):
        assert raw(service, "bot", "POST", path, update, {**JSON, SECRET_HEADER: "right"}) in (404, 400, 405)
    assert raw(service, "bot", "GET", "/hook/x", headers={SECRET_HEADER: "right"}) == 405
    for body in (b"", b"{", b"[1]", b"\xff\xfe", b'{"update_id":"x"}', b"[" * 100_000, b'{"a":' * 100_000, b'{"update_id":1e99}'):
        assert fetch(hook, body, **JSON, **{SECRET_HEADER: "right"})[0] in (200, 400), body[:20]
    api.send_text("a cat", chat=6001)
    api.wait_picture(6001)
    assert api.webhook_calls == [200]
    assert not api.in_chat(6000)


@pytest.mark.parametrize("way", ["length", "chunked"])
def test_an_oversize_body_is_refused_without_being_kept(serve, way):
    service = serve()
    service.start("worker")
    hook = started(service)
    before = memory(service, "bot")
    for name, path, headers in (("bot", "/hook/x", {SECRET_HEADER: "right"}), ("bot", "/hook/x", {}), ("bot", "/livez", {}), ("worker", "/nowhere", {})):
        megabytes = (bytes(1 << 20) for _ in range(100))
        sent = dict(body=megabytes, headers={**headers, "Transfer-Encoding": "chunked"}, chunked=True) if way == "chunked" else dict(
            body=megabytes, headers={**headers, "Content-Length": str(100 << 20)})
        assert raw(service, name, "POST", path, **sent) in (0, 413), (name, path)
    print(f"memory of the bot: {before} MB before, {memory(service, 'bot')} MB at most (limit +20)")
    assert memory(service, "bot") < before + 20
    bomb = gzip.compress(bytes(50 << 20))
    assert raw(service, "bot", "POST", "/hook/x", bomb, {**JSON, SECRET_HEADER: "right", "Content-Encoding": "gzip"}) in (400, 413, 415)
    assert memory(service, "bot") < before + 20, "nor does it grow when it is unpacked"
    assert raw(service, "bot", "GET", "/livez", headers={"X": "x" * 100_000}) in (0, 400, 414, 431)
    assert raw(service, "bot", "GET", "/" + "x" * 100_000) in (0, 400, 404, 414)
    assert fetch(service.url("bot", "/livez"))[0] == fetch(service.url("worker", "/livez"))[0] == 200
    assert fetch(hook, b"{}", **JSON, **{SECRET_HEADER: "right"})[0] == 200


# --- buttons


def test_buttons_are_for_the_one_who_asked(api, serve):
    service = serve(P2P_S3_LINK_TTL=1, P2P_ADMINS=99)
    service.start("worker", P2P_FLAT_MS=3000), service.start("bot")
    api.send_text("/txt2img a cat", chat=-6002, user=7, chat_type="supergroup")
    message = api.wait(lambda: api.in_chat(-6002))[0]
    for user in (8, -6002):
        query = api.press(message, "cancel:", user=user)
        assert "for the one who asked" in api.wait(lambda: api.answers.get(query))
    api.wait_picture(-6002)
    for label in ("again:", "link:"):
        api.wait(lambda: label in str(message.keyboard), what=label)
        for user in (8, 99):
            query = api.press(message, label, user=user)
            assert "for the one who asked" in api.wait(lambda: api.answers.get(query))
    api.send_text("/txt2img a cat", chat=-6002, user=7, chat_type="supergroup")
    second = api.wait(lambda: len(m := api.in_chat(-6002)) == 2 and m)[-1]
    api.press(second, "cancel:", user=99)
    api.wait(lambda: second.text == "Cancelled.", what="an administrator may cancel")
    assert len(api.pictures(-6002)) == 1 and len(api.in_chat(-6002)) == 2


FORGED = ["", ":", "again", "again:", "x", "again:../../../etc/passwd", "link:images/2026/01/01/x-1.png/../../..", "again:" + "9" * 58, "cancel:\u0000", "link:' OR 1=1 --",
          "Again:{id}", "again:{id} ", "again::{id}", "again:{id}:1", "drop:{id}", "😀" * 16, "again:" + str(uuid.uuid4())]


def test_forged_callback_data_is_out_of_date(service, api):
    for chat in (6003, 6004):
        api.send_text("a cat", chat=chat)
    mine, other = api.wait_picture(6003), api.wait_picture(6004)
    own = mine.buttons()[-1]["callback_data"].split(":")[1]
    calls = len(api.calls)
    for data in FORGED:
        data = data.replace("{id}", own)
        assert len(data.encode()) <= 64
        query = api.press_data(data, mine)
        assert api.wait(lambda: api.answers.get(query), what=data) == "This button is out of date.", data
    # A request of another user, pressed in one's own chat; one's own, pressed in another chat.
    for message, user in ((mine, 6003), (other, 6003)):
        data = other.buttons()[-1]["callback_data"] if message is mine else mine.buttons()[-1]["callback_data"]
        query = api.press_data(data, message, user=user)
        assert api.wait(lambda: api.answers.get(query)) == "This button is out of date."
    time.sleep(1)
    assert {call.method for call in api.calls[calls:]} == {"answerCallbackQuery"}, "nothing else came of it"


# --- messages in Kafka


KEYS = ["../../etc/passwd", "/etc/passwd", "images/2026/01/01/x-1.png/../../..", "images/2026/01/01/../../../../secret-1.png", "images/2026/01/01/..-1.png", "link-key",
        "images/2026/01/01/x-1.png?versionId=1", "images/2026/01/01/x-1.png\u0000.png", "images/2026/01/01/%2e%2e%2f-1.png", "IMAGES/2026/01/01/x-1.png", "",
        "images/2026/01/01/{other}-1.png", "{other_key}"]


@pytest.mark.parametrize("store", ["S3", "folder"])
def test_an_object_key_out_of_kafka_is_never_a_path(api, own, minio, serve, store):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka, minio=minio if store == "S3" else None)
    service.start("worker"), service.start("bot")
    api.send_text("somebody's cat", chat=6010)
    api.wait_picture(6010)
    latest = lambda type_: max((value for k, value, h, p in kafka.read("prompt2pic.events") if value["type"] == type_), key=lambda value: value["time"])
    drawn = latest("finished")
    other, other_key = drawn["id"], drawn["images"][0]["key"]
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=6000)
    api.send_text("a cat", chat=6011)
    api.wait_text("Drawing", 6011)
    request = latest("accepted")
    for key in KEYS:
        image = {**drawn["images"][0], "key": key.replace("{other}", other).replace("{other_key}", other_key)}
        kafka.produce("prompt2pic.events", json.dumps({**drawn, "id": request["id"], "images": [image]}).encode(), key=request["id"])
    dropped = lambda: sum(float(n) for n in re.findall(r"^prompt2pic_events_dropped_total\S* (\S+)", fetch(service.url("bot", "/metrics"))[1], re.M))
    wait_for(lambda: dropped() >= len(KEYS), 10, "each is dropped and counted")
    assert not api.pictures(6011)
    picture = api.wait_picture(6011)
    assert b"a cat" in picture.data and b"somebody" not in picture.data
    time.sleep(1)
    assert [m.media for m in api.pictures(6011)] == (["photo"] if store == "S3" else ["photo", "document"])


def test_a_forged_request_is_harmless(api, own, serve):
    """A program that writes to Kafka can request pictures and nothing more: the worker's limits still apply."""
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    service.start("worker"), service.start("bot")
    base = {"schema_version": 1, "id": str(uuid.uuid4()), "time": "2026-01-01T00:00:00.000Z", "model": "flat", "prompt": "x", "seed": 1}
    bad = [{"id": "../../x"}, {"id": ""}, {"model": "../flat"}, {"model": "emoji"}, {"width": 10**9}, {"steps": -1}, {"seed": -1}, {"seed": 1.5}, {"prompt": "x" * 200_000},
           {"prompt": None}, {"schema_version": 99}, {"time": "yesterday"}]
    for change in bad:
        kafka.produce("prompt2pic.requests.flat", json.dumps({**base, **change}).encode(), key=str(uuid.uuid4()))
    wait_for(lambda: len([1 for k, v, h, p in kafka.read("prompt2pic.dead-letters") if v["reason"] == "unreadable"]) >= len(bad), 15, "each is a dead letter")
    api.send_text("a cat", chat=6012)
    api.wait_picture(6012)


# --- links to the folder


def test_links_to_the_folder_cannot_be_forged(api, serve, tmp_path):
    service = serve(minio=None, P2P_PUBLIC_URL="https://pictures.example.org", P2P_S3_LINK_TTL=5)
    service.start("worker"), service.start("bot")
    for chat in (6020, 6021):
        api.send_text("a cat", chat=chat)
    links = [re.sub("^https://[^/]*", "", api.wait_picture(chat).buttons()[0]["url"]) for chat in (6020, 6021)]
    get = lambda path: raw(service, "bot", "GET", path)
    path, expires, signature = re.fullmatch(r"/pictures/(\S+)\?expires=(\d+)&signature=([0-9a-f]{64})", links[0]).groups()
    assert get(links[0]) == get(links[1]) == 200
    status, body = fetch(service.url("bot", links[0]))
    assert body.startswith("\x89PNG")
    other = links[1].split("?")[0]
    query = f"?expires={expires}&signature={signature}"
    wrong_signature = ("0" if signature[0] != "0" else "1") + signature[1:]
    forged = [f"{other}{query}", f"/pictures/{path}", f"/pictures/{path}?expires={expires}", f"/pictures/{path}?signature={signature}",
              f"/pictures/{path}?expires={expires}&signature={wrong_signature}", f"/pictures/{path}?expires={expires}&signature={signature[:-1]}",
              f"/pictures/{path}?expires={expires}&signature=", f"/pictures/{path}?expires={int(expires) + 1}&signature={signature}",
              f"/pictures/{path}?expires={expires}0&signature={signature}", f"/pictures/{path}?expires=-1&signature={signature}"]
    tricks = ["link-key", "../link-key", "..%2flink-key", "..%2f..%2fprompt2pic.db", "images/..%2f..%2flink-key", path + "/../../../../../link-key", path + "%00", path + "%2f..%2f..",
              "%2e%2e/link-key", "/etc/passwd", "%2fetc%2fpasswd", "images/", "", path.replace("/", "//"), path.replace("images", "IMAGES"), "..\\link-key", path + "%0a"]
    for trick in forged + [f"/pictures/{trick}{query}" for trick in tricks]:
        assert get(trick) in (403, 404, 400), trick
    assert get("/link-key") == get("/../link-key") == get("/data/link-key") == 404
    assert get(links[0]) == 200, "it is the forging that is refused"
    wait_for(lambda: get(links[0]) == 403, 15, "it expires")


# --- prompts


HOSTILE = ["<b>x</b><script>", "*y* _z_ `c` [u](http://e.org) ||s||", "@admin /start tg://user?id=1 https://e.org", "--width 4096 --steps 10000 --seed 1 --model ../../x -o /etc/passwd",
           "width=4096, Steps: 999, Seed: 1\nNegative prompt: x\nSteps: 1", "; rm -rf / $(reboot) `id` | tee %s %n {0} {1} \\u0000 \\n", "<lora:../../x:99> embedding:/etc/passwd BREAK",
           "\u202eback\u202c \u200b\ufeff \U0001f600\u200d\U0001f3ff", '{"seed": 1, "width": 9999}', "a\u0000b\u0007c", "'; DROP TABLE requests; --", "\ud83d\ude00" + "é" * 900]


def test_words_of_prompt_are_inert(service, api, kafka):
    group = dict(chat_type="supergroup")
    for number, words in enumerate(HOSTILE):
        words = words.encode("utf-16", "surrogatepass").decode("utf-16")
        api.send_text("/txt2img " + words, chat=-6100 - number, user=6100 + number, **group,
                      entities=[{"type": "bot_command", "offset": 0, "length": 8}, {"type": "text_link", "offset": 9, "length": 1, "url": "http://e.org"}])
    for number, words in enumerate(HOSTILE):
        picture = api.wait_picture(-6100 - number)
        assert "64×64" in picture.caption and "flat" in picture.caption
        if "\u0000" not in words and "\u202e" not in words:
            assert picture.caption.startswith(words.encode("utf-16", "surrogatepass").decode("utf-16")[:200].split("\n")[0]), words
        assert not re.search(r"seed 1 · ", picture.caption)
    accepted = sorted((value for k, value, h, p in kafka.read("prompt2pic.events") if value["type"] == "accepted"), key=lambda value: value["time"])
    asked = [value["request"] for value in accepted]
    assert {tuple(sorted(request)) for request in asked[-len(HOSTILE):]} == {tuple(sorted(asked[-1]))}, "no word became a field"
    assert all(request["model"] == "flat" and "width" not in request and "steps" not in request for request in asked[-len(HOSTILE):])
    assert all("parse_mode" not in str(call.params) for call in api.calls)


# --- secrets


SECRETS = {"token": "123456:TEST-token", "S3 secret": "s3-secret-0147", "S3 key": "s3key:0258", "Kafka password": "kafka-password-0369", "proxy password": "proxy-password-0471",
           "webhook secret": "webhook-secret-0582"}


@pytest.mark.parametrize("parts", ["away", "refusing", "echoing"])
def test_secrets_are_in_no_log_or_metric(tmp_path, api, kafka, minio, proxy, parts):
    """Every component fails in every way, at log level debug."""
    way = proxy(free_port())
    echo = b" ".join(secret.encode() for secret in SECRETS.values())
    way.set("cut" if parts == "away" else b"HTTP/1.1 502 Bad\r\nContent-Length: %d\r\nConnection: close\r\nLocation: /bot%s/getMe\r\n\r\n%s" % (len(echo), echo, echo))
    dead = f"http://127.0.0.1:{way.port}"
    env = {"P2P_TELEGRAM_TOKEN": SECRETS["token"], "P2P_TELEGRAM_API_URL": api.url if parts == "refusing" else dead, "P2P_MODEL": "flat", "P2P_DATA_DIR": tmp_path / "data",
           "P2P_LOG_LEVEL": "debug", "P2P_KAFKA_BROKERS": kafka.brokers if parts == "refusing" else f"127.0.0.1:{way.port}", "P2P_KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
           "P2P_KAFKA_SASL_MECHANISM": "SCRAM-SHA-256", "P2P_KAFKA_USERNAME": "user", "P2P_KAFKA_PASSWORD": SECRETS["Kafka password"],
           "P2P_S3_ENDPOINT": minio.url if parts == "refusing" else dead, "P2P_S3_BUCKET": "pictures", "P2P_S3_ACCESS_KEY": SECRETS["S3 key"], "P2P_S3_SECRET_KEY": SECRETS["S3 secret"],
           "P2P_TELEGRAM_WEBHOOK_URL": "http://127.0.0.1:1/hook", "P2P_TELEGRAM_WEBHOOK_SECRET": SECRETS["webhook secret"],
           **({} if parts == "refusing" else {"P2P_TELEGRAM_PROXY": f"http://me:{SECRETS['proxy password']}@127.0.0.1:{way.port}"})}
    seen = {}
    running = {}
    for name in ("bot", "worker"):
        port = free_port()
        running[name] = (Process(name, tmp_path, [BINARY, name], {**{k: str(v) for k, v in env.items()}, "P2P_HTTP_LISTEN": f"127.0.0.1:{port}"}).start(), port)
    if parts == "refusing":
        api.wait(lambda: api.webhook is not None, what="the bot has come to Telegram")
    for words in (["doctor"], ["config"], ["config", "--json"]):
        code, seen[" ".join(words)] = prompt2pic(*words, **env)
        assert code == (1 if words == ["doctor"] else 0)
    assert seen["doctor"].count("FAILED") >= 2
    time.sleep(4)
    for name, (process, port) in running.items():
        status, seen[f"{name}'s metrics"] = fetch(f"http://127.0.0.1:{port}/metrics")
        seen[f"{name}'s readiness"] = fetch(f"http://127.0.0.1:{port}/readyz")[1]
        assert status == 200 and process.alive(), process.text()
        assert process.stop() == 0
        seen[f"{name}'s log"] = process.text()
        assert "error=" in seen[f"{name}'s log"]
    for what, text in seen.items():
        for name, secret in SECRETS.items():
            for form in (secret, secret.split(":")[-1], secret.replace(":", "%3A"), base64.b64encode(secret.encode()).decode()):
                assert form not in text, f"{name} in {what}"
        assert "X-Amz-Signature" not in text, f"a signed address in {what}"
