"""The HTTP API of a running service: real Kafka, real S3, OpenAI's own client."""

import base64
import http.client
import json
import re
import threading
import time

import jsonschema
import openai
import pytest
import yaml

from infra import ROOT, Kafka, Minio, fetch, prompt2pic, wait_for

KEYS = ["0123456789abcdef-one", "0123456789abcdef-two"]
TERMINAL = ("finished", "failed", "cancelled")
DOCUMENT = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())


def resolve(node):
    while "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        node = DOCUMENT
        for step in steps:
            node = node[step]
    return node


def check(method, path, status, content_type, body):
    """That docs/openapi.yaml describes the answer."""
    path = path.split("?")[0]
    described = [operations for pattern, operations in DOCUMENT["paths"].items() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path)]
    if not described or method.lower() not in described[0]:
        assert status in (401, 404, 405), (method, path, status)
        return
    answer = resolve(described[0][method.lower()]["responses"][str(status)])
    if "content" in answer:
        schema = answer["content"][content_type]["schema"]
        if content_type == "application/json":
            jsonschema.Draft202012Validator({"components": DOCUMENT["components"], **schema}).validate(body)


class Caller:
    """Calls the API of a process by hand: (status, headers, body, which is read as JSON where it is some)."""

    def __init__(self, service, name="api", key=KEYS[0]):
        self.service, self.name, self.key = service, name, key

    def call(self, method, path, body=None, timeout=60, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.ports[self.name], timeout=timeout)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key:
            headers["Authorization"] = "Bearer " + self.key
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        content_type = answer.getheader("Content-Type")
        body = json.loads(data) if content_type == "application/json" else data
        check(method, path, answer.status, content_type, body)
        return answer.status, dict(answer.getheaders()), body

    def ask(self, prompt="a fox", prefer="respond-async", headers=None, **body):
        return self.call("POST", "/v1/images/generations", {"prompt": prompt, **body}, Prefer=prefer, **(headers or {}))

    def status(self, id):
        status, headers, body = self.call("GET", f"/v1/requests/{id}")
        assert status == 200, body
        return body

    def settled(self, id, timeout=30):
        return wait_for(lambda: (body := self.status(id))["status"] in TERMINAL and body, timeout, f"{id} is settled")


@pytest.fixture
def running(serve):
    """The API with two keys and one worker, ready."""
    service = serve(P2P_API_KEYS=",".join(KEYS))
    service.start("worker")
    service.start("api")
    return service


def ends(kafka):
    """By id, the types of the events that end it."""
    result = {}
    for key, value, headers, partition in kafka.read("prompt2pic.events"):
        if value["type"] in TERMINAL:
            result.setdefault(key, []).append(value["type"])
    return result


def test_openais_own_client_draws(running, minio):
    client = openai.OpenAI(api_key=KEYS[0], base_url=running.url("api", "/v1"), max_retries=0)
    assert [model.id for model in client.models.list()] == ["flat"]
    answer = client.images.generate(model="flat", prompt="a fox in the snow", n=2, size="64x64", response_format="b64_json", extra_body={"seed": 7})
    pictures = [base64.b64decode(image.b64_json) for image in answer.data]
    assert all(picture.startswith(b"\x89PNG") and b"a fox in the snow" in picture for picture in pictures) and pictures[0] != pictures[1]
    assert answer.created > 1_700_000_000
    link = client.images.generate(prompt="лиса").data[0].url
    key = re.search(r"images/\d{4}/\d\d/\d\d/[0-9a-f-]{36}-1\.png", link)[0]
    assert link.startswith("https://pictures.example.org/pictures/images/") and key in minio.objects()
    with pytest.raises(openai.BadRequestError, match="size: expected WIDTHxHEIGHT"):
        client.images.generate(prompt="x", size="big")
    with pytest.raises(openai.NotFoundError, match="no worker serves the model dall-e-3"):
        client.images.generate(prompt="x", model="dall-e-3")
    with pytest.raises(openai.AuthenticationError, match="Bearer KEY"):
        openai.OpenAI(api_key="wrong", base_url=running.url("api", "/v1"), max_retries=0).images.generate(prompt="x")


@pytest.mark.parametrize("model, settings", [("sd1", {"P2P_MODELS_DIR": ROOT / "tests/golden/stable_diffusion", "P2P_PRECISION": "f32", "P2P_STEPS": 3}), ("emoji", {})])
def test_chat_api_and_generate_draw_the_same(serve, api, tmp_path, model, settings):
    service = serve(P2P_MODEL=model, **settings)
    for name in ("worker", "bot", "api"):
        service.start(name)
    words = "a (fox:1.3) on a [blue] background"
    api.send_text("/txt2img " + words, chat=2100)
    message = api.wait_picture(2100, timeout=60)
    seed = int(re.search(r"seed (\d+)", message.caption)[1])
    status, headers, body = Caller(service, key=None).ask(words, prefer="wait=60", seed=seed, response_format="b64_json")
    assert status == 200, body
    file = tmp_path / "by-hand.png"
    code, said = prompt2pic("generate", words, "--model", model, "--seed", str(seed), "--output", str(file), **settings)
    assert code == 0, said
    assert base64.b64decode(body["data"][0]["b64_json"]) == file.read_bytes()
    assert message.data == file.read_bytes()


def test_who_does_not_wait_follows_the_request(running):
    caller = Caller(running)
    status, headers, body = caller.ask(n=2, seed=5)
    id = body["id"]
    assert status == 202 and headers["Location"] == f"/v1/requests/{id}"
    body = caller.settled(id)
    assert body["status"] == "finished" and [image["seed"] for image in body["data"]] == [5, 6] and body["seconds"]["total"] >= 0
    first, second = (caller.call("GET", f"/v1/requests/{id}/images/{n}") for n in (1, 2))
    assert first[0] == 200 and first[1]["Content-Type"] == "image/png" and first[2].startswith(b"\x89PNG") and first[2] != second[2]
    for path in (f"{id}/images/3", f"{id}/images/0", f"{id}/images/x", f"{id}/other", "none", "", "../models", "%2e%2e"):
        status, headers, body = caller.call("GET", "/v1/requests/" + path)
        assert status == 404 and body["error"]["code"] == "not_found", path


def test_a_call_waits_as_long_as_it_wants(running):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=3000)
    caller, before = Caller(running), time.monotonic()
    status, headers, body = caller.ask(prefer="wait=1")
    assert status == 202 and 0.9 < time.monotonic() - before < 2.5
    id, lines = body["id"], []
    connection = http.client.HTTPConnection("127.0.0.1", running.ports["api"], timeout=30)
    connection.request("GET", f"/v1/requests/{id}/events", headers={"Authorization": "Bearer " + KEYS[0]})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    while line := answer.readline():
        lines.append(line.decode().strip())
    words = [line.removeprefix("event: ") for line in lines if line.startswith("event:")]
    assert words[-1] == "finished" and "drawing" in words[:-1]
    told = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data:")]
    shares = [each["progress"] for each in told[:-1]]
    assert shares == sorted(shares) and any(0 < share < 1 for share in shares) and told[-1]["data"]


def test_cancelling_ends_what_waits_and_what_is_drawn(running, kafka):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=60000)
    caller = Caller(running)
    drawn, waiting = (caller.ask()[2]["id"] for _ in range(2))
    wait_for(lambda: caller.status(drawn)["status"] == "drawing", 10, "it is drawn")
    assert caller.status(waiting)["position"] == 1
    for id in (waiting, drawn):
        assert caller.call("DELETE", f"/v1/requests/{id}")[0] == 200
        body = caller.settled(id, 5)
        assert body["status"] == "cancelled" and body["error"]["code"] == "cancelled"
        assert caller.call("DELETE", f"/v1/requests/{id}")[0] == 200
    assert ends(kafka)[drawn] == ends(kafka)[waiting] == ["cancelled"]


def test_keys_part_the_clients(running, kafka):
    mine, theirs, nobody = Caller(running), Caller(running, key=KEYS[1]), Caller(running, key=None)
    id = mine.ask()[2]["id"]
    for path in (id, id + "/events", id + "/images/1"):
        assert theirs.call("GET", "/v1/requests/" + path)[0] == 404
        assert nobody.call("GET", "/v1/requests/" + path)[0] == 401
    assert theirs.call("DELETE", "/v1/requests/" + id)[0] == 404
    assert mine.settled(id)["status"] == "finished"
    status, headers, body = nobody.ask()
    assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and body["error"]["type"] == "authentication_error"
    for key in KEYS:
        assert key not in running.logs() + json.dumps([value for k, value, h, p in kafka.read("prompt2pic.events")], default=str)


def test_a_repeated_call_is_one_request(running, kafka):
    caller = Caller(running)
    first, second = (caller.ask(headers={"Idempotency_Key": "order 4711"})[2]["id"] for _ in range(2))
    assert first == second
    caller.settled(first)
    status, headers, body = caller.ask(prefer="wait=5", headers={"Idempotency_Key": "order 4711"})
    assert status == 200 and body["id"] == first and ends(kafka)[first] == ["finished"]


def test_bad_calls_are_refused(running):
    caller = Caller(running)
    for body in ("", "x", "[]", "{}", '{"prompt": "x", "n": 0}', '{"prompt": "x", "prompt": "y"}', "[" * 5000, b"\xff\xfe", '{"prompt": "x", "width": 4096}'):
        status, headers, answer = caller.call("POST", "/v1/images/generations", body)
        assert status == 400 and answer["error"]["type"] == "invalid_request_error" and answer["error"]["message"], body
    assert caller.call("POST", "/v1/images/generations", '{"prompt": "x"}', Content_Type="text/plain")[0] == 415, "what a page of another site may send"
    assert caller.call("POST", "/v1/images/generations", '{"prompt": "' + "x" * 2_000_000 + '"}')[0] == 413
    assert caller.call("PUT", "/v1/images/generations", "{}")[0] == 405
    assert fetch(running.url("api", "/v1/nothing"))[0] == 404
    assert prompt2pic("api", P2P_KAFKA_BROKERS="127.0.0.1:1", P2P_HTTP_LISTEN="0.0.0.0:0")[0] == 2
    code, said = prompt2pic("api", P2P_KAFKA_BROKERS="127.0.0.1:1", P2P_API_KEYS="too-short")
    assert code == 2 and "P2P_API_KEYS" in said and "too-short" not in said


def test_no_client_starves_another_nor_the_chat(serve, api):
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_FLAT_MS=300, P2P_USER_QUEUE=50)
    for name in ("worker", "worker2", "bot", "api"):
        service.start(name)
    greedy, modest = Caller(service), Caller(service, key=KEYS[1])
    burst = [greedy.ask()[2]["id"] for _ in range(30)]
    before = time.monotonic()
    api.send_text("a cat", chat=2200)
    assert modest.ask(prefer="wait=30")[0] == 200
    assert time.monotonic() - before < 2.5
    api.wait_picture(2200, timeout=5)
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


def test_nothing_is_lost_whatever_dies(serve, kafka):
    """Two instances and two workers are killed by turns; every request is answered once, by whichever instance is asked."""
    service = serve(P2P_FLAT_MS=150, P2P_USER_QUEUE=1000)
    names = ["worker", "worker2", "api", "api2"]
    for name in names:
        service.start(name)
    over, accepted = threading.Event(), []

    def ask(name):
        caller = Caller(service, name, key=None)
        while not over.wait(0.15):
            try:
                status, headers, body = caller.ask()
            except (OSError, http.client.HTTPException, ValueError):
                continue
            if status == 202:
                accepted.append(body["id"])
    threads = [threading.Thread(target=ask, args=(name,)) for name in ("api", "api2")]
    for thread in threads:
        thread.start()
    for name in ("api", "worker", "api2", "worker2", "api"):
        time.sleep(2)
        service.processes[name].kill()
        service.start(name, ready=False)
    time.sleep(2)
    over.set()
    for thread in threads:
        thread.join()
    service.wait_ready("api")
    assert len(accepted) > 30
    for id in accepted:
        assert Caller(service, "api", key=None).settled(id, 60)["status"] == "finished"
    service.wait_ready("api2")
    assert {Caller(service, "api2", key=None).status(id)["status"] for id in accepted} == {"finished"}
    ended = ends(kafka)
    assert all(ended[id] == ["finished"] for id in accepted)


def test_a_suspended_leader_does_not_send_what_another_sent(serve, kafka):
    service = serve(P2P_FLAT_MS=100, P2P_USER_QUEUE=1000)
    service.start("api")
    service.start("worker")
    wait_for(lambda: "leads" in service.processes["api"].text(), 20, "the first leads")
    service.start("api2")
    first, second = Caller(service, "api", key=None), Caller(service, "api2", key=None)
    assert first.ask(prefer="wait=20")[0] == 200
    service.processes["api"].signal(19)  # SIGSTOP
    ids = [second.ask()[2]["id"] for _ in range(20)]
    for id in ids:
        assert second.settled(id, 40)["status"] == "finished"
    service.processes["api"].signal(18)  # SIGCONT
    ids += [(first if n % 2 else second).ask()[2]["id"] for n in range(20)]
    for id in ids:
        assert second.settled(id, 40)["status"] == "finished"
    ended = ends(kafka)
    assert all(ended[id] == ["finished"] for id in ids)


def test_without_kafka_it_says_so_and_comes_back(own, serve):
    kafka = own(Kafka).start()
    service = serve(kafka=kafka)
    service.start("worker")
    service.start("api")
    caller = Caller(service, key=None)
    id = caller.ask()[2]["id"]
    assert caller.settled(id)["status"] == "finished"
    kafka.kill()
    wait_for(lambda: fetch(service.url("api", "/readyz"))[0] == 503, 30, "it is not ready")
    status, headers, body = caller.ask()
    assert status == 503 and headers["Retry-After"] and body["error"]["type"] == "server_error"
    assert caller.status(id)["status"] == "finished"
    kafka.start()
    wait_for(lambda: caller.ask(prefer="wait=5")[0] == 200, 60, "it draws again")


def test_a_deleted_picture_and_a_store_that_is_away(own, serve):
    minio = own(Minio).start()
    service = serve(minio=minio)
    service.start("worker")
    service.start("api")
    caller = Caller(service, key=None)
    id = caller.ask(prefer="wait=20")[2]["id"]
    assert caller.call("GET", f"/v1/requests/{id}/images/1")[0] == 200
    minio.stop()
    assert caller.call("GET", f"/v1/requests/{id}/images/1")[0] == 503
    minio.start()
    for path in (minio.process.log.parent / "data" / minio.BUCKET).rglob("*-1.png"):
        for part in sorted(path.rglob("*"), reverse=True):
            part.unlink() if part.is_file() else part.rmdir()
        path.rmdir()
    status, headers, body = caller.call("GET", f"/v1/requests/{id}/images/1")
    assert status == 410 and body["error"]["code"] == "gone"


def test_pictures_in_a_folder_have_links_of_our_own(serve):
    service = serve(minio=None, P2P_PUBLIC_URL="")
    service.start("worker")
    service.start("api")
    url = Caller(service, key=None).ask(prefer="wait=20")[2]["data"][0]["url"]
    assert url.startswith(service.url("api", "/v1/requests/"))
    status, body = fetch(url)
    assert status == 200 and body.startswith("\x89PNG")


def test_a_stop_leaves_what_waits_to_the_next(running):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=2000)
    caller, answers = Caller(running), []
    thread = threading.Thread(target=lambda: answers.append(caller.ask(prefer="wait=60")))
    thread.start()
    time.sleep(0.5)
    before = time.monotonic()
    assert running.processes["api"].stop() == 0 and time.monotonic() - before < 10
    thread.join()
    assert answers[0][0] == 202
    running.start("api")
    assert caller.settled(answers[0][2]["id"])["status"] == "finished"
