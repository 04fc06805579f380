"""What users see while they wait: fairness, positions and times, progress, notifications, renewed links."""

import http.client
import json
import re
import struct
import time

from bot_api import BotApi
from infra import Service, wait_for
from servers import Kafka

GROUP = dict(user=7, chat_type="supergroup")  # each request from another group, because a chat gets at most one message per second


def events(kafka, *types):
    """(time, prompt, type) in order of the service's clock."""
    records = [value for key, value, h, p in kafka.read("prompt2pic.events")]
    prompts = {value["id"]: value["request"]["prompt"] for value in records if value["type"] == "accepted"}
    return sorted((value["time"], prompts[value["id"]], value["type"]) for value in records if value["type"] in types and value["id"] in prompts)


def test_a_second_user_waits_for_two_jobs_of_the_first_at_most(api, kafka, serve):
    service = serve(P2P_FLAT_MS=300)
    for name in ("worker", "worker2", "bot"):
        service.start(name)
    for number in range(20):
        api.send_text("/txt2img many", chat=-7000 - number, **GROUP)
    wait_for(lambda: len([1 for e in events(kafka, "finished") if e[1] == "many"]) >= 4, 20, "some are drawn")
    asked = time.monotonic()
    api.send_text("just one", chat=7100)
    api.wait_picture(7100)
    waited = time.monotonic() - asked
    shown = sum(1 for number in range(20) if api.pictures(-7000 - number))
    order = events(kafka, "accepted", "started")
    mine = [time_ for time_, prompt, type_ in order if prompt == "just one"]
    between = [1 for time_, prompt, type_ in order if prompt == "many" and type_ == "started" and mine[0] < time_ <= mine[1]]
    print(f"{len(between)} further jobs of the first were begun meanwhile (limit 2); the second's picture after {waited:.2f} s, when {shown} of 20 were shown")
    assert len(between) <= 2 and shown < 20
    api.wait(lambda: all(api.pictures(-7000 - number) for number in range(20)), 30)


def answer_with(api, command, words, chat=7):
    """Repeats the command until the answer contains the words, because progress is unknown at the beginning of a drawing."""
    for _ in range(10):
        before = len(api.in_chat(chat))
        api.send_text(command, chat=chat)
        api.wait(lambda: len(api.in_chat(chat)) > before, 10, f"{command} is answered")
        if words in api.in_chat(chat)[-1].text:
            break
    return api.in_chat(chat)[-1].text


def test_full_queue_is_refused_with_reason_and_positions(api, own, serve):
    service = serve(kafka=own(Kafka).start(), P2P_FLAT_MS=8000)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=7200)
    api.wait_picture(7200)  # now the duration of a drawing is known
    api.send_text("/txt2img cat 0", chat=-7201, **GROUP)
    answer_with(api, "/queue", "Drawing")  # a request in progress has no position
    for number in range(1, 24):
        api.send_text(f"/txt2img cat {number}", chat=-7201 - number, **GROUP)
    api.wait(lambda: all(api.in_chat(-7201 - number) for number in range(24)), 10, "each is answered")
    api.wait(lambda: sum("number" in m.text and "about" in m.text for m in api.messages.values()) >= 19, 20, "places and times")
    refused = [m for number in range(24) for m in api.in_chat(-7201 - number) if "You already have" in m.text]
    waiting = [m for number in range(24) for m in api.in_chat(-7201 - number) if "In the queue: number" in m.text]
    places = sorted(int(re.search(r"number (\d+)", m.text)[1]) for m in waiting)
    print(f"{len(waiting)} wait, {len(refused)} refused: {refused[0].text}")
    assert refused[0].text == "You already have 20 requests waiting. Wait until some are ready, or cancel: /cancel"
    assert len(refused) in (2, 3) and places == list(range(places[0], places[0] + len(places)))
    place = lambda message: int(re.search(r"number (\d+)", message.text)[1])
    first, last = (re.search(r"about (\d+) (s|min)", pick(waiting, key=place).text) for pick in (min, max))
    assert first[2] == "s" and int(last[1]) * (60 if last[2] == "min" else 1) > 60, "20 of 8 s each"
    text = answer_with(api, "/queue", "Drawing")
    print(text)
    assert re.search(r"1\. cat 0 — Drawing ▓*░* \d+ %", text) and re.search(r"\d+\. cat \d+ — In the queue: number \d+, about \d+", text) and "In the queue altogether: 2" in text
    api.send_text("/queue", chat=8)
    assert re.fullmatch(r"Nothing of yours is waiting\. In the queue altogether: 2\d requests", api.wait_text("Nothing of yours", 8).text)
    api.send_text("/cancel all", chat=7)
    api.wait(lambda: sum(m.text == "Cancelled." for m in api.messages.values()) >= 21, 40)
    api.send_text("/queue", chat=8)
    api.wait_text("and nobody else's either", 8)


def test_long_drawing_updates_progress_and_notifies(api, serve):
    service = serve(P2P_FLAT_MS=31000)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=7300)
    message = api.wait(lambda: api.in_chat(7300))[0]
    picture = api.wait_picture(7300, timeout=45)
    bell = api.wait_text("ready", 7300, timeout=5)
    assert bell.reply_to == message.id == picture.id
    progress = [(at, int(re.search(r"(\d+) %", what)[1]), what.count("▓")) for at, what in picture.edits if "%" in what]
    gaps = [b[0] - a[0] for a, b in zip(progress, progress[1:])]
    print(f"{len(progress)} edits, {min(gaps):.2f} s apart at least (limit 1), the bar {progress[0][1:]} to {progress[-1][1:]}")
    assert min(gaps) >= 1 and len(progress) >= 5
    assert [p[1] for p in progress] == sorted(p[1] for p in progress) and progress[-1][2] >= 7 and progress[0][2] <= 2


def test_telegram_limits_are_respected(tmp_path, kafka, minio):
    """Many requests in one chat, in one group and in many chats: no call is refused with 429."""
    api = BotApi(flood=True).start()
    service = Service(tmp_path / "s", api, kafka, minio, P2P_FLAT_MS=50, P2P_USER_QUEUE=100)
    for name in ("worker", "worker2", "bot"):
        service.start(name)
    start = time.monotonic()
    for number in range(8):
        api.send_text("a cat", chat=7400)
        api.send_text("/txt2img a cat", chat=-7400, user=8, chat_type="supergroup")
    for number in range(60):
        api.send_text("a cat", chat=7500 + number)
    api.wait(lambda: len(api.pictures()) == 76, 90, "all are shown")
    made = [call for call in api.calls if "chat_id" in call.params]
    many = [call for call in api.calls if call.error and "Too Many" in call.error]
    print(f"76 pictures with {len(made)} calls in {time.monotonic() - start:.0f} s, {len(many)} refused for their number (limit 0)")
    service.stop(), api.stop()
    assert not many and api.violations == []


def test_an_expired_link_is_renewed(api, serve, minio):
    service = serve(P2P_S3_LINK_TTL=3)
    service.start("worker"), service.start("bot")
    api.send_text("a cat", chat=7600)
    message = api.wait_picture(7600)
    first = message.buttons()[0]["url"]
    assert re.search("X-Amz-Expires=[23]&", first)
    for _ in range(2):
        button = api.wait(lambda: next((b for b in message.buttons() if "New link" in b["text"]), None), 15)
        assert [b["text"] for b in message.buttons()] == ["🔗 New link", "🔄 Again"]
        query = api.press(message, "New link")
        url = api.wait(lambda: next((b["url"] for b in message.buttons() if "url" in b), None), 5)
        assert url != first and url.split("?")[0] == first.split("?")[0]
        assert api.wait(lambda: api.answers.get(query) is not None), "the press is answered"
        first = url
        at = http.client.HTTPConnection("127.0.0.1", minio.port)  # where the public host would lead
        at.request("GET", url.removeprefix("https://pictures.example.org"), headers={"Host": "pictures.example.org"})
        assert at.getresponse().read() == message.data
    assert button["callback_data"].startswith("link:") and len(api.in_chat(7600)) == 1


def chunks(png):
    at = 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        yield kind, png[at + 8:at + 8 + length]
        at += 12 + length


def test_picture_contains_its_parameters(service, api):
    api.send_text("лиса, red: fox", chat=7700)
    message = api.wait_picture(7700)
    texts = [data for kind, data in chunks(message.data) if kind in (b"tEXt", b"iTXt") and data.startswith(b"parameters\0")]
    assert len(texts) == 1
    words, fields = texts[0].decode().rsplit("\0", 1)[-1].rsplit("\n", 1)
    assert words == "лиса, red: fox"
    seed = re.search(r"seed (\d+)", message.caption)[1]
    assert re.fullmatch(rf"Sampler: none, Seed: {seed}, Size: 64x64, Model: flat, Version: prompt2pic \S+", fields) or f"Seed: {seed}, Size: 64x64, Model: flat" in fields, fields


FAILURES = {"no_worker": "Сейчас некому рисовать", "killed_worker": "дважды сорвалось", "unreadable": "повредился по дороге", "storing_failed": "сохранить её не удалось",
            "drawing_failed": "Не получилось", "cannot_do": "Такое нарисовать нельзя", "withheld": "не пропустила эту картинку",
            "input_missing": "Исходной картинки больше нет", "too_long": "Рисование затянулось", "something_new": "Не получилось"}


def test_each_failure_has_russian_words(api, serve, own):
    """A worker that never finishes, and failure events published by the test."""
    kafka = own(Kafka).start()
    service = serve(kafka=kafka, P2P_FLAT_MS=600000, P2P_USER_QUEUE=1, P2P_USER_PER_DAY=3, P2P_BLOCK=77)
    service.start("worker"), service.start("bot")
    for number, (reason, words) in enumerate(FAILURES.items()):
        chat = 7800 + number
        api.send_text("лиса", chat=chat, language="ru")
        message = api.wait(lambda: api.in_chat(chat))[0]
        key = message.buttons()[0]["callback_data"].split(":")[1]
        failed = {"schema_version": 1, "id": key, "time": "2026-01-01T00:00:00.000Z", "type": "failed", "worker": "w", "dispatch": 1, "reason": reason, "detail": "64"}
        kafka.produce("prompt2pic.events", json.dumps(failed).encode(), key=key)
        api.wait(lambda: words in message.text, 10, reason)
        assert [b["text"] for b in message.buttons()] == ["🔄 Ещё раз"], "it can be tried again"
    said = {"/start": "Привет", "/help": "нарисовать картинку", "/txt2img": "Напишите после команды", "/nothing": "Такой команды я не знаю", "/cancel": "Отменять нечего",
            "/queue": "Очередь пуста"}
    for number, (text, words) in enumerate(said.items()):
        api.send_text(text, chat=7900 + number, language="ru")
        api.wait_text(words, 7900 + number)
    for _ in range(4):
        api.send_text("/txt2img лиса", chat=7950, user=7951, language="ru")
    api.wait_text("В очереди уже 1 запрос", 7950)
    api.send_text("лиса", chat=77, language="ru")
    api.wait_text("у вас нет доступа к этому боту", 77)
    for _ in range(4):
        api.send_text("/txt2img лиса", chat=7960, user=7961, language="ru")
        api.send_text("/cancel", chat=7960, user=7961, language="ru")
    api.wait_text("Лимит на сегодня — 3 запроса. Обновится через", 7960)
    api.wait(lambda: sum(m.text == "Отменено." for m in api.in_chat(7960)) == 3, 20)
    russian = [m.text for m in api.messages.values() if m.text]
    english = [text for text in russian if re.search(r"[A-Za-z]{4,}", re.sub(r"/\w+", "", text))]
    assert not english
