"""Limits for a client of the HTTP API: fairness, queue positions, memory."""

import concurrent.futures
import http.client
import json
import re
import time

from api_caller import KEYS, Caller
from infra import wait_for
from servers import Kafka


def test_many_large_requests_fit_in_memory(own, serve):
    """10,000 requests of 32 KB by one client; the next instance reads all of them again at start."""
    running = serve(kafka=own(Kafka).start(), P2P_API_KEYS=",".join(KEYS))
    running.start("worker")
    running.start("api")

    def memory():
        status = open(f"/proc/{running.processes['api'].process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024

    running.processes["api"].stop()
    running.start("api", P2P_USER_QUEUE=100000, P2P_LOG_LEVEL="info")
    words = "лиса " * 1700
    body = json.dumps({"prompt": words, "negative_prompt": words}).encode()
    head = {"Authorization": "Bearer " + KEYS[0], "Content-Type": "application/json", "Prefer": "respond-async"}
    assert len(words.encode()) * 2 > 30_000

    def ask(count):
        connection = http.client.HTTPConnection("127.0.0.1", running.ports["api"], timeout=60)
        for _ in range(count):
            connection.request("POST", "/v1/images/generations", body, head)
            answer = connection.getresponse()
            answer.read()
            while answer.status == 429:  # the limit for waiting prompts is reached
                time.sleep(0.05)
                connection.request("POST", "/v1/images/generations", body, head)
                answer = connection.getresponse()
                answer.read()
            assert answer.status == 202
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, [1250] * 8))
    first = memory()
    running.processes["api"].stop()
    running.start("api", P2P_USER_QUEUE=100000, P2P_LOG_LEVEL="info")
    id = Caller(running).ask(prefer="wait=60")[2]["id"]
    assert Caller(running).status(id)["status"] == "finished"
    print(f"memory of the API: {first} MB, after a restart {memory()} MB (limit 256)")
    assert first < 256 and memory() < 256


def test_client_cannot_starve_others(serve, api):
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_FLAT_MS=300, P2P_USER_QUEUE=50)
    for name in ("worker", "worker2", "bot", "api"):
        service.start(name)
    greedy, modest = Caller(service), Caller(service, key=KEYS[1])
    burst = [greedy.ask()[2]["id"] for _ in range(30)]
    api.send_text("a cat", chat=2200)
    assert modest.ask(prefer="wait=30")[0] == 200
    api.wait_picture(2200)
    assert sum(greedy.status(id)["status"] == "queued" for id in burst) > 8, "the burst still waits"
    for id in burst:
        assert greedy.settled(id)["status"] == "finished"


def test_too_many_waiting_are_refused(serve):
    service = serve(P2P_USER_QUEUE=3, P2P_FLAT_MS=60000)
    for name in ("worker", "api"):
        service.start(name)
    caller = Caller(service, key=None)
    drawn = caller.ask()[2]["id"]
    wait_for(lambda: caller.status(drawn)["status"] == "drawing", 10, "it is drawn")
    assert [caller.ask()[0] for _ in range(4)] == [202, 202, 202, 429]
    status, headers, body = caller.ask()
    assert headers["Retry-After"] and body["error"]["type"] == "rate_limit_error" and body["error"]["code"] == "queue_full"


def test_small_request_is_drawn_between_pictures_of_large_one(serve, kafka):
    """The picture of another client is drawn between two of ten pictures."""
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_FLAT_MS=1500)
    service.start("worker"), service.start("api")
    large, small = Caller(service), Caller(service, key=KEYS[1])
    big = large.ask(n=10, size="1536x1536", steps=150, seed=1)[2]["id"]
    wait_for(lambda: large.status(big)["status"] == "drawing", 10, "the first of ten is drawn")
    status, headers, body = small.ask(size="64x64", prefer="wait=20")
    assert status == 200 and large.status(big)["progress"] < 0.25, "of ten, two may be ready"
    pictures = large.settled(big, 40)["data"]
    assert [image["seed"] for image in pictures] == list(range(1, 11))
    order = [(key, value["type"]) for key, value, headers, partition in kafka.read("prompt2pic.events") if key in (big, body["id"])]
    assert sum(event == (big, "started") for event in order) == 10, "each picture is a turn of its own"
    assert sum(event == (big, "finished") for event in order) == 1


def test_too_long_drawing_fails(serve):
    service = serve(P2P_FLAT_MS=30000, P2P_DRAW_WITHIN=2)
    service.start("worker"), service.start("api")
    status, headers, body = Caller(service, key=None).ask(prefer="wait=20")
    assert status == 400 and body["error"]["code"] == "too_long" and headers["X-Should-Retry"] == "false"


def test_default_size_of_client_becomes_size_of_model(serve):
    service = serve(P2P_MODEL="emoji", P2P_STEPS=2, P2P_DECODER_STEPS=1)
    service.start("worker"), service.start("api")
    status, headers, body = Caller(service, key=None).ask(prefer="wait=30", size="512x512")
    assert status == 200 and (body["data"][0]["width"], body["data"][0]["height"]) == (128, 128)
    assert body["notices"] == ["drawn at 128x128, the size next to 512x512 that the model can draw"]
