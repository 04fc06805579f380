"""Bot, worker and broker are killed at random moments: every request is answered exactly once."""

import os
import random
import time

import pytest

from bot_api import BotApi
from infra import Service
from servers import Kafka, Minio
from test_service import ends

ROUNDS = int(os.environ.get("P2P_SOAK_ROUNDS", "20"))
REQUESTS = int(os.environ.get("P2P_SOAK_REQUESTS", "200"))


@pytest.mark.parametrize("model", ["flat", "emoji"])
def test_every_request_is_answered_exactly_once(tmp_path, model):
    api = BotApi().start()
    kafka = Kafka(tmp_path / "kafka").start()
    minio = Minio(tmp_path / "minio").start()
    service = Service(tmp_path / "service", api, kafka, minio, P2P_MODEL=model, P2P_FLAT_MS=20, P2P_STEPS=1, P2P_DECODER_STEPS=1, P2P_LOG_LEVEL="info")
    for name in ("worker1", "worker2", "bot"):
        service.start(name)
    numbers = random.Random(7)
    worst = 0
    for round_ in range(ROUNDS):
        chats = range(100_000 * (round_ + 1), 100_000 * (round_ + 1) + REQUESTS)
        start = time.monotonic()
        moments = sorted(numbers.sample(range(REQUESTS), 3))
        victims = [numbers.choice(["bot", "worker1", "worker2", "broker"]) for _ in moments]
        for i, chat in enumerate(chats):
            api.send_text("a fox", chat=chat)
            if i in moments:
                time.sleep(numbers.random() * 0.5)
                victim = victims[moments.index(i)]
                if victim == "broker":
                    kafka.kill()
                    kafka.start()
                else:
                    service.processes[victim].kill()
                    service.start(victim, ready=False)
        # A status text may appear twice if the bot was killed before the reply arrived; an answer must not.
        api.wait(lambda: set(chats) <= {m.chat for m in list(api.messages.values()) if m.media or "Again" in str(m.keyboard)}, 180, f"round {round_}: all are answered")
        time.sleep(1)
        shown = [len(api.pictures(chat)) for chat in chats]
        assert max(shown) <= 1, f"round {round_}: shown twice"
        notified = [m.text for chat in chats for m in api.in_chat(chat) if not m.media]
        twice = {key: list_ for key, list_ in ends(kafka).items() if len(list_) > 1}
        assert not twice, f"round {round_}: ended twice: {twice}"
        worst = max(worst, time.monotonic() - start)
        print(f"round {round_ + 1} of {ROUNDS}, {model}: {sum(shown)} of {REQUESTS} shown, {len(notified)} notified otherwise, killed {victims}, {time.monotonic() - start:.0f} s", flush=True)
        with api.changed:
            api.messages.clear()
    assert api.violations == []
    service.stop()
    kafka.stop()
    minio.stop()
    api.stop()
