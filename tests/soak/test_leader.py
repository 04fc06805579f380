"""Two bots and two APIs share the workers; the process that leads the dispatch is killed or suspended at random moments, round after round: each request
is answered, none twice."""

import os
import random
import re
import signal
import time

from api_caller import KEYS, TERMINAL, Caller
from bot_api import BotApi
from infra import Service, fetch, wait_for
from servers import Kafka, Minio
from test_service import ends

ROUNDS = int(os.environ.get("P2P_SOAK_ROUNDS", "20"))
REQUESTS = int(os.environ.get("P2P_SOAK_REQUESTS", "200"))
DOORS = ("bot", "api", "bot2", "api2")


def leader(service):
    """The door that says that it leads; the name of one that is suspended cannot be asked."""
    for name in DOORS:
        if re.search(r"^prompt2pic_api_leads 1", fetch(service.health(name, "/metrics"))[1], re.MULTILINE):
            return name
    return None


def suspend(process, seconds):
    process.signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.signal(signal.SIGCONT)


def test_each_is_answered_and_none_twice_whoever_leads(tmp_path):
    telegrams = {"bot": BotApi().start(), "bot2": BotApi(token="654321:TEST-token").start()}
    kafka = Kafka(tmp_path / "kafka").start()
    minio = Minio(tmp_path / "minio").start()
    service = Service(tmp_path / "service", telegrams["bot"], kafka, minio, P2P_FLAT_MS=20, P2P_LOG_LEVEL="info", P2P_API_KEYS=",".join(KEYS), P2P_USER_QUEUE=10_000)

    def start(name, ready=True):
        own = {"P2P_TELEGRAM_TOKEN": telegrams[name].token, "P2P_TELEGRAM_API_URL": telegrams[name].url, "P2P_DATA_DIR": tmp_path / f"data-{name}"} if name in telegrams else {}
        service.start(name, ready, **own)
    for name in ("worker1", "worker2", *DOORS):
        start(name)
    callers = [Caller(service, "api", KEYS[0]), Caller(service, "api2", KEYS[1])]
    numbers = random.Random(11)
    leaders = set()

    for round_ in range(ROUNDS):
        start_time = time.monotonic()
        chats, ids, faults = [], [], []
        moments = set(numbers.sample(range(REQUESTS), 2))
        for i in range(REQUESTS):
            if i % 4 < 2:
                chats.append((list(telegrams)[i % 4], 100_000 * (round_ + 1) + i))
                telegrams[chats[-1][0]].send_text("a fox", chat=chats[-1][1])
            else:
                ids.append(callers[i % 4 - 2].submit(f"{numbers.getrandbits(64):x}"))
            if i in moments:
                name = wait_for(lambda: leader(service), 60, "somebody leads")
                leaders.add(name)
                if numbers.random() < 0.5:
                    service.processes[name].kill()
                    start(name, ready=False)
                    faults.append(f"killed {name}")
                else:
                    suspend(service.processes[name], 1 + 11 * numbers.random())
                    faults.append(f"suspended {name}")
        deadline = time.monotonic() + 180
        for name, api in telegrams.items():
            own = {chat for door, chat in chats if door == name}
            api.wait(lambda: own <= {m.chat for m in list(api.messages.values()) if m.media or "Again" in str(m.keyboard)}, deadline - time.monotonic(), f"round {round_}: {name} answers all")
        for name in ("api", "api2"):
            service.wait_ready(name)
        for id in ids:
            wait_for(lambda: any(caller.call("GET", f"/v1/requests/{id}")[2].get("status") in TERMINAL for caller in callers), 60, f"round {round_}: {id} ends")
        time.sleep(1)
        assert max(len(telegrams[door].pictures(chat)) for door, chat in chats) <= 1, f"round {round_}: shown twice"
        ended = ends(kafka)
        lost = [id for id in ids if id not in ended]
        assert not lost, f"round {round_}: no end of {lost}"
        twice = {key: list_ for key, list_ in ended.items() if len(list_) > 1}
        assert not twice, f"round {round_}: ended twice: {twice}"
        print(f"round {round_ + 1} of {ROUNDS}: {', '.join(faults)}; {time.monotonic() - start_time:.0f} s", flush=True)
        for api in telegrams.values():
            with api.changed:
                api.messages.clear()
    print(f"led: {', '.join(sorted(leaders))}")
    for api in telegrams.values():
        assert api.violations == []
    service.stop()
    kafka.stop()
    minio.stop()
    for api in telegrams.values():
        api.stop()
