"""A running service as users and operators see it: real Kafka, real S3, a strict Bot API server."""

import re
import subprocess
import time

from infra import BINARY, ROOT, fetch, wait_for


def ends(kafka):
    """The types of the final events, by request id."""
    result = {}
    for key, value, headers, partition in kafka.read("prompt2pic.events"):
        if value["type"] in ("finished", "failed", "cancelled"):
            result.setdefault(key, []).append(value["type"])
    return result


def test_words_become_a_picture(service, api, kafka, minio):
    api.send_text("/txt2img a fox in the snow", chat=2000)
    message = api.wait_picture(2000)
    assert message.media == "photo" and message.data.startswith(b"\x89PNG")
    assert message.caption.startswith("a fox in the snow\n\nseed ")
    assert [b["text"] for b in message.buttons()] == ["🔗 Original", "🔄 Again"]
    assert message.buttons()[0]["url"].startswith("https://pictures.example.org/pictures/images/")
    assert b"a fox in the snow" in message.data  # the text chunk `parameters`
    assert len(api.in_chat(2000)) == 1, "one message a request"
    key = re.search(r"images/\d{4}/\d\d/\d\d/[0-9a-f-]{36}-1\.png", message.buttons()[0]["url"])[0]
    assert key in minio.objects()
    types = [value["type"] for k, value, h, p in kafka.read("prompt2pic.events") if k in key]
    assert types == ["accepted", "started", "progress", "finished"]


def test_a_stable_diffusion_is_drawn_as_by_hand(serve, api, tmp_path):
    folder = ROOT / "tests/golden/stable_diffusion"
    service = serve(P2P_MODELS_DIR=folder, P2P_MODEL="sd1", P2P_PRECISION="f32", P2P_STEPS=3)
    words = "a (fox:1.3) in the [snow] BREAK at night"
    for name in ("bot", "worker"):
        service.start(name)
    api.send_text("/txt2img " + words, chat=2020)

    def by_hand(*options):
        file = tmp_path / "by-hand.png"
        subprocess.run([BINARY, "generate", words, "--model", folder / "sd1", "--precision", "f32", "--steps", "3", "--output", file, *options], check=True)
        return file.read_bytes()

    message = api.wait_picture(2020)
    seed = re.search(r"seed (\d+)", message.caption)[1]
    assert message.data == by_hand("--seed", seed)
    assert [b["text"] for b in message.buttons()] == ["🔗 Original", "🔄 Again", "🎲 Variation", "🔍 Larger"]

    query = api.press(message, "Variation")
    varied = api.wait_picture(2020, 2)
    assert api.answers[query] == "Drawing a variation" and varied.reply_to == message.id
    other = re.search(rf"seed {seed} → (\d+)", varied.caption)[1]
    assert varied.data == by_hand("--seed", seed, "--variation", other)

    api.press(varied, "Larger")
    larger = api.wait_picture(2020, 3)
    assert larger.data == by_hand("--seed", seed, "--variation", other, "--upscale", "2")
    assert [b["text"] for b in larger.buttons()] == ["🔗 Original", "🔄 Again", "🎲 Variation"]


def test_bot_speaks_russian(service, api):
    api.send_text("/start", chat=2001, language="ru")
    assert "Напишите, что вы хотите увидеть" in api.wait_text("Привет", 2001).text
    api.send_text("лиса в снегу", chat=2001, language="ru")
    message = api.wait_picture(2001)
    assert [b["text"] for b in message.buttons()] == ["🔗 Оригинал", "🔄 Ещё раз"]
    assert {c["command"] for c in api.commands["ru"]} == {c["command"] for c in api.commands[""]} == {"txt2img", "queue", "cancel", "help"}


def test_bot_reacts_only_to_commands_in_groups(service, api):
    group = dict(chat=-3000, user=7, chat_type="supergroup")
    api.send_text("hello", **group)
    api.send_text("/txt2img@OtherBot a cat", **group)
    api.send_text("/txt2img@prompt2pictestbot a cat", **group)
    api.wait_picture(-3000)
    assert len(api.in_chat(-3000)) == 1


def test_hostile_words_are_inert(service, api):
    words = "<b>x</b> *y* [z](http://e.org) --width 4096 --seed 1 ; rm -rf / ../../etc {0} %s <lora:../x:1>"
    api.send_text("/txt2img " + words, chat=2002)
    message = api.wait_picture(2002)
    assert message.caption.startswith(words)
    assert "64×64" in message.caption


def test_long_words_are_cut_in_the_caption_and_refused_beyond(service, api):
    api.send_text("лис " * 900, chat=2003)
    caption = api.wait_picture(2003).caption
    assert len(caption) <= 1024 and "…" in caption


def test_again_draws_with_a_new_seed_and_only_for_its_owner(service, api):
    api.send_text("a cat", chat=-3001, user=7, chat_type="supergroup")
    api.send_text("/txt2img a cat", chat=-3001, user=7, chat_type="supergroup")
    first = api.wait_picture(-3001)
    query = api.press(first, "Again", user=8)
    assert "for the one who asked" in api.wait(lambda: api.answers.get(query))
    query = api.press_data("again:00000000-0000-7000-8000-000000000000", first, user=7)
    assert "out of date" in api.wait(lambda: api.answers.get(query))
    for data in ("again:", "x", "again:../../x", "link:" + "9" * 50):
        query = api.press_data(data, first, user=7)
        assert "out of date" in api.wait(lambda: api.answers.get(query))
    api.press(first, "Again", user=7)
    second = api.wait_picture(-3001, 2)
    assert second.reply_to == first.id
    assert re.search(r"seed (\d+)", first.caption)[1] != re.search(r"seed (\d+)", second.caption)[1]


def test_cancel_stops_a_drawing_within_a_step(service, api, kafka):
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=60000)
    api.send_text("a cat", chat=2004)
    message = api.wait_text("Drawing", 2004)
    api.press(message, "Cancel")
    api.wait_text("Cancelled", 2004, timeout=5)
    api.send_text("a dog", chat=2004)
    api.send_text("/cancel", chat=2004)
    api.wait(lambda: sum("Cancelled" in m.text for m in api.in_chat(2004)) == 2)
    assert all(len(list_) == 1 for list_ in ends(kafka).values())


def test_an_update_that_comes_twice_counts_once(service, api):
    message = {"message": {"message_id": 5, "date": int(time.time()), "text": "a cat", "chat": {"id": 2005, "type": "private"}, "from": {"id": 2005, "is_bot": False, "first_name": "U"}}}
    api.give(message, update_id=900001)
    api.wait_picture(2005)
    service.processes["bot"].kill()
    service.start("bot", ready=False)
    api.give(message, update_id=900001)
    service.wait_ready("bot")
    api.next_update = 900002
    api.send_text("/queue", chat=2005)
    api.wait_text("Nothing of yours", 2005)
    assert len(api.pictures(2005)) == 1


def test_unreadable_requests_go_to_dead_letters(service, kafka):
    kafka.produce("prompt2pic.requests.flat", b"not JSON", key="some-id")
    wait_for(lambda: any(value["id"] == "some-id" for k, value, h, p in kafka.read("prompt2pic.dead-letters")), 10, "the dead letter")
    wait_for(lambda: ends(kafka).get("some-id") == ["failed"], 10, "the failure")


def test_operators_see_metrics_and_health(service, api):
    api.send_text("a cat", chat=2006)
    api.wait_picture(2006)
    for name in ("bot", "worker"):
        assert fetch(service.url(name, "/livez")) == (200, "alive\n")
        assert fetch(service.url(name, "/readyz")) == (200, "ready\n")
    metrics = wait_for(lambda: (text := fetch(service.url("bot", "/metrics"))[1]) and "prompt2pic_delivery_seconds_count 1" in text and text, 5, "metrics")
    assert 'prompt2pic_requests_total{model="flat",outcome="finished",reason=""} 1' in metrics
    assert 'outcome="finished"' in fetch(service.url("worker", "/metrics"))[1]


def test_a_stop_is_clean(service, api):
    api.send_text("a cat", chat=2007)
    api.wait_picture(2007)
    assert service.processes["bot"].stop() == 0
    assert service.processes["worker"].stop() == 0
