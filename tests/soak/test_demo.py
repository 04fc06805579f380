"""The demo is killed at random moments: every request of chat and API is answered exactly once."""

import os
import random
import time

from api_caller import TERMINAL, Caller
from bot_api import BotApi
from infra import Service, wait_for

ROUNDS = int(os.environ.get("P2P_SOAK_ROUNDS", "20"))
REQUESTS = int(os.environ.get("P2P_SOAK_REQUESTS", "200")) // 4


def test_demo_answers_each_once_whenever_it_is_killed(tmp_path):
    api = BotApi().start()
    demo = Service(tmp_path / "demo", api, None, None, command="demo", P2P_PUBLIC_URL="https://pictures.example.org", P2P_FLAT_MS=20, P2P_USER_QUEUE=10_000, P2P_LOG_LEVEL="info")
    demo.start("bot")
    numbers = random.Random(5)
    browsers = [Caller(demo, "bot", key="web-" + digit * 32) for digit in "123"]

    for round_ in range(ROUNDS):
        start = time.monotonic()
        chats, asked = [], []
        moments = set(numbers.sample(range(REQUESTS), 3))
        for i in range(REQUESTS):
            if i % 2:
                chats.append(100_000 * (round_ + 1) + i)
                api.send_text("a fox", chat=chats[-1])
            else:
                caller = browsers[i // 2 % len(browsers)]
                asked.append((caller, caller.submit(f"{numbers.getrandbits(64):x}")))
            if i in moments:
                time.sleep(0.3 * numbers.random())
                demo.processes["bot"].kill()
                demo.start("bot", ready=False)
        demo.wait_ready("bot")
        api.wait(lambda: set(chats) <= {m.chat for m in list(api.messages.values()) if m.media or "Again" in str(m.keyboard)}, 120, f"round {round_}: all chats are answered")
        bodies = [wait_for(lambda: (body := caller.status(id))["status"] in TERMINAL and body, 60, f"round {round_}: {id} ends") for caller, id in asked]
        # A request that was being drawn at two of the crashes ends with that reason.
        unfinished = [body for body in bodies if body["status"] != "finished"]
        assert all(body["error"]["code"] == "killed_worker" for body in unfinished), unfinished
        assert all(len(body["data"]) == 1 for body in bodies if body not in unfinished), bodies
        assert len({id for _, id in asked}) == len(asked)
        time.sleep(1)
        twice = {chat: api.in_chat(chat) for chat in chats if len(api.pictures(chat)) > 1}
        assert not twice, f"round {round_}: shown twice: {twice}"
        print(f"round {round_ + 1} of {ROUNDS}: {len(chats)} chats and {len(asked)} calls answered, killed {len(moments)} times, {len(unfinished)} drawn at two crashes, {time.monotonic() - start:.0f} s", flush=True)
        with api.changed:
            api.messages.clear()
    assert api.violations == []
    demo.stop()
    api.stop()
