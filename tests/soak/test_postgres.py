"""Two bots share a PostgreSQL database and a webhook; one of them, at random, is killed or suspended under load, round after round: each request is answered
once, and nobody has more requests than the limit."""

import os
import random
import signal
import threading
import time

from bot_api import BotApi
from infra import Service, wait_for
from replicas import Replicas
from servers import Kafka, Minio, Postgres
from test_service import ends

ROUNDS = int(os.environ.get("P2P_SOAK_ROUNDS", "20"))
REQUESTS = int(os.environ.get("P2P_SOAK_REQUESTS", "200"))
LIMIT = 3
GREEDY = 77


def disturb(bots, numbers):
    """Kills a bot and starts it again, or suspends it until the server has given up on it. Returns what it did."""
    name = numbers.choice(bots.names)
    if numbers.random() < 0.7:
        bots.service.processes[name].kill()
        bots.start(name, ready=False)
        return f"killed {name}"
    bots.service.processes[name].signal(signal.SIGSTOP)
    time.sleep(20 * numbers.random())
    bots.service.processes[name].signal(signal.SIGCONT)
    return f"suspended {name}"


def test_each_is_answered_once_whoever_works(tmp_path):
    api = BotApi().start()
    kafka = Kafka(tmp_path / "kafka").start()
    minio = Minio(tmp_path / "minio").start()
    postgres = Postgres(tmp_path / "postgres").start()
    service = Service(tmp_path / "service", api, kafka, minio, P2P_FLAT_MS=20, P2P_LOG_LEVEL="info", P2P_USER_QUEUE=LIMIT)
    bots = Replicas(service, postgres)
    service.start("worker")
    bots.start()
    api.wait(lambda: api.webhook)
    numbers = random.Random(5)
    for round_ in range(ROUNDS):
        began = time.monotonic()
        chats, done = [], []
        moments = sorted(numbers.sample(range(REQUESTS), 2))
        for i in range(REQUESTS):
            chats.append(1_000 * (round_ + 1) + i)
            api.send_text("a fox", chat=chats[-1])
            if i % 20 == 0:
                api.send_text("an owl", chat=GREEDY)
            if i in moments:
                fault = threading.Thread(target=lambda: done.append(disturb(bots, numbers)))
                fault.start()
                fault.join()
            time.sleep(0.01)
        api.wait(lambda: all(api.pictures(chat) for chat in chats), 120, f"round {round_}: all are answered; {done}")
        wait_for(lambda: postgres.sql("SELECT COUNT(*) FROM inbox") == "0", 60, "all updates were taken")
        wait_for(lambda: postgres.sql("SELECT COUNT(*) FROM requests WHERE settled = 0") == "0", 60, "all are settled")
        twice = [chat for chat in chats if len(api.pictures(chat)) != 1]
        assert not twice, f"round {round_}: not once: {twice}; {done}"
        assert postgres.sql(f"SELECT COUNT(*) FROM requests WHERE person IN ({','.join(map(str, chats))})") == str(REQUESTS)
        print(f"round {round_ + 1} of {ROUNDS}: {', '.join(done)}; {time.monotonic() - began:.0f} s", flush=True)
        with api.changed:
            api.messages.clear()
    assert all(len(list_) == 1 for list_ in ends(kafka).values())
    assert api.violations == []
    service.stop()
    for server in (postgres, kafka, minio, api):
        server.stop()
