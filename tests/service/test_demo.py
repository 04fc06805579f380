"""`prompt2pic demo` in place of the services, and its queue in place of Kafka: the chat's scenarios, and what only the demo does."""

import re
import socket
import subprocess
import time

import pytest

from api_caller import Caller
from infra import BINARY, PATIENCE, Process, Service, fetch, free_port, wait_for
# The scenarios that need neither Kafka nor a worker of their own; pytest runs them here with the fixtures below.
from test_service import (test_again_draws_with_a_new_seed_and_only_for_its_owner, test_an_update_that_comes_twice_counts_once,  # noqa: F401
                          test_bot_reacts_only_to_commands_in_groups, test_bot_speaks_russian, test_hostile_words_are_inert,
                          test_long_words_are_cut_in_the_caption_and_refused_beyond)
from test_telegram import (test_a_migrated_group_is_followed, test_blocked_bot_gives_up,  # noqa: F401
                           test_failing_chat_does_not_block_others, test_faults_of_telegram, test_late_reply_is_used,
                           test_unreadable_update_does_not_block_others, test_updates_survive_failing_polls)


@pytest.fixture
def serve(tmp_path, api):
    made = []

    def make(**settings):
        made.append(Service(tmp_path / f"demo{len(made)}", api, None, None, command="demo", P2P_PUBLIC_URL="https://pictures.example.org", **settings))
        return made[-1]
    yield make
    for each in made:
        each.stop()
    assert api.violations == []
    assert all(api.token.split(":")[1] not in each.logs() for each in made)


@pytest.fixture
def service(serve):
    demo = serve()
    demo.start("bot")
    return demo


def test_words_become_a_picture_with_a_link(service, api):
    api.send_text("/txt2img a fox in the snow", chat=2500)
    message = api.wait_picture(2500)
    assert message.caption.startswith("a fox in the snow\n\nseed ") and b"a fox in the snow" in message.data
    link = message.buttons()[0]["url"]
    assert link.startswith("https://pictures.example.org/pictures/images/")
    status, text = fetch(link.replace("https://pictures.example.org", service.url("bot", "")))
    assert status == 200 and text.startswith("\x89PNG")
    assert fetch(link.replace("https://pictures.example.org", service.url("bot", ""))[:-1] + "x")[0] == 403
    assert "https://t.me/Prompt2PicTestBot" in service.processes["bot"].text()


def test_chat_and_api_share_the_queue(serve, api):
    demo = serve(P2P_FLAT_MS=1500)
    demo.start("bot")
    caller = Caller(demo, "bot", key=None)
    ids = [caller.ask()[2]["id"] for _ in range(3)]
    api.send_text("a cat", chat=2501)
    api.wait_picture(2501)
    assert caller.status(ids[2])["status"] != "finished", "another user's turn comes before the third request of one user"
    assert [caller.settled(id)["status"] for id in ids] == ["finished"] * 3


def test_cancel_stops_a_drawing(serve, api):
    demo = serve(P2P_FLAT_MS=60_000)
    demo.start("bot")
    api.send_text("a cat", chat=2502)
    api.press(api.wait_text("Drawing", 2502), "Cancel")
    api.wait_text("Cancelled", 2502, timeout=10)


def test_requests_survive_a_kill(serve, api):
    demo = serve(P2P_FLAT_MS=700)
    demo.start("bot")
    caller = Caller(demo, "bot", key=None)
    ids = [caller.ask()[2]["id"] for _ in range(4)]
    api.send_text("a cat", chat=2503)
    api.wait(lambda: api.in_chat(2503))
    demo.processes["bot"].kill()
    demo.start("bot")
    assert [caller.settled(id, 60)["status"] for id in ids] == ["finished"] * 4
    api.wait_picture(2503)
    assert demo.processes["bot"].stop() == 0


def test_each_browser_is_a_user(serve):
    demo = serve(P2P_FLAT_MS=0)
    demo.start("bot")
    one, two = (Caller(demo, "bot", key="web-" + digit * 32) for digit in "12")
    id = one.ask(prefer="wait=30")[2]["id"]
    assert one.status(id)["status"] == "finished"
    for method, path in (("GET", ""), ("GET", "/events"), ("GET", "/images/1"), ("DELETE", "")):
        assert two.call(method, f"/v1/requests/{id}{path}")[0] == 404, path


def test_page_answers_beside_a_thousand_idle_streams(serve):
    demo = serve(P2P_FLAT_MS=600_000)
    demo.start("bot")
    streams, address = [], ("127.0.0.1", demo.ports["bot"])
    try:
        for digit in "12":
            id = Caller(demo, "bot", key="web-" + digit * 32).ask()[2]["id"]
            for _ in range(500):
                streams.append(socket.create_connection(address, 20))
                streams[-1].sendall(f"GET /v1/requests/{id}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer web-{digit * 32}\r\n\r\n".encode())
        assert all(b"200 OK" in stream.recv(4096) for stream in streams)
        times = []
        for _ in range(20):
            start = time.monotonic()
            assert fetch(demo.url("bot", "/"))[0] == 200
            times.append(time.monotonic() - start)
        print(f"the page beside 1,000 streams: median {sorted(times)[10] * 1000:.0f} ms")
        assert sorted(times)[10] < 0.1 * PATIENCE
    finally:
        for stream in streams:
            stream.close()


def test_page_and_documents_are_served_safely(serve):
    demo = serve()
    demo.start("bot")
    for path, kind in (("/", "text/html"), ("/docs", "text/html"), ("/openapi.json", "application/json"), ("/page/main.js", "text/javascript")):
        status, headers, body = Caller(demo, "bot", key=None).call_raw("GET", path)
        assert status == 200 and headers["Content-Type"].startswith(kind) and len(body) > 500, path
        assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["X-Content-Type-Options"] == "nosniff"
        status, headers, body = Caller(demo, "bot", key=None).call_raw("GET", path, If_None_Match=headers["ETag"])
        assert status == 304 and not body
    assert fetch(demo.url("bot", "/page/../secret"))[0] == 404


def test_a_taken_port_is_replaced_and_a_second_demo_refused(tmp_path):
    env = {"P2P_MODEL": "flat", "P2P_DATA_DIR": str(tmp_path / "data"), "P2P_HEALTH_LISTEN": f"127.0.0.1:{free_port()}", "P2P_HTTP_LISTEN": ""}
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else has it
        demo = Process("demo", tmp_path, [BINARY, "demo"], env).start()
        address = wait_for(lambda: re.search(r"^  (http://127\.0\.0\.1:\d+)$", demo.text(), re.MULTILINE), 20, "the address is printed")[1]
        assert address != "http://127.0.0.1:8080" and "(Port 8080 is taken.)" in demo.text()
        assert fetch(address + "/")[0] == 200
    second = subprocess.run([BINARY, "demo"], env={**env, "P2P_HEALTH_LISTEN": ""}, capture_output=True, text=True, timeout=30)
    assert second.returncode == 2 and "queue.db" in second.stderr and "P2P_DATA_DIR" in second.stderr, second.stderr
    assert demo.stop() == 0
    assert demo.text().endswith("Stopped.\n")


def test_wrong_settings_end_it_with_a_reason(tmp_path):
    env = {"P2P_DATA_DIR": str(tmp_path / "data"), "P2P_HTTP_LISTEN": f"127.0.0.1:{free_port()}"}
    for wrong, said in (({"P2P_MODEL": "nothing"}, "there is no model 'nothing'"), ({"P2P_HTTP_LISTEN": "0.0.0.0:8080"}, "P2P_API_KEYS"),
                        ({"P2P_MODEL_ALIASES": "x"}, "P2P_MODEL_ALIASES")):
        done = subprocess.run([BINARY, "demo"], env={**env, **wrong}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and said in done.stderr, (wrong, done.returncode, done.stderr)
