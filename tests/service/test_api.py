"""The HTTP API of a running service: real Kafka, real S3, OpenAI's own client."""

import base64
import http.client
import json
import re
import threading
import time

import openai
import pytest

from api_caller import KEYS, Caller, accepted, ends
from infra import ROOT, fetch, prompt2pic, wait_for


def test_openai_client_draws(running, minio):
    client = openai.OpenAI(api_key=KEYS[0], base_url=running.url("api", "/v1"), max_retries=0)
    assert [model.id for model in client.models.list()] == ["flat"]
    answer = client.images.generate(model="flat", prompt="a fox in the snow", n=2, size="64x64", response_format="b64_json", extra_body={"seed": 7})
    pictures = [base64.b64decode(image.b64_json) for image in answer.data]
    assert all(picture.startswith(b"\x89PNG") and b"a fox in the snow" in picture for picture in pictures) and pictures[0] != pictures[1]
    assert answer.created > 1_700_000_000
    link = client.images.generate(prompt="лиса").data[0].url
    key = re.search(r"images/\d{4}/\d\d/\d\d/[0-9a-f-]{36}-1\.png", link)[0]
    assert link.startswith(running.url("api", "/pictures/images/")) and key in minio.objects()
    assert fetch(link) == fetch(link, Authorization="Bearer " + KEYS[0]) and fetch(link)[1].startswith("\x89PNG"), "with and without the header"
    assert fetch(link.replace("-1.png", "-2.png"))[0] == fetch(link[:-1] + ("1" if link.endswith("0") else "0"))[0] == 403
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


def test_async_request_is_followed(running):
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


def test_call_waits_as_preferred(running):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=3000)
    caller, before = Caller(running), time.monotonic()
    status, headers, body = caller.ask(prefer="wait=1")
    assert status == 202 and time.monotonic() - before > 0.9
    id, lines = body["id"], []
    connection = http.client.HTTPConnection("127.0.0.1", running.ports["api"], timeout=30)
    connection.request("GET", f"/v1/requests/{id}/events", headers={"Authorization": "Bearer " + KEYS[0]})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    while line := answer.readline():
        lines.append(line.decode().strip())
    words = [line.removeprefix("event: ") for line in lines if line.startswith("event:")]
    assert words[-1] == "finished" and "drawing" in words[:-1]
    states = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data:")]
    shares = [each["progress"] for each in states[:-1]]
    assert shares == sorted(shares) and any(0 < share < 1 for share in shares) and states[-1]["data"]


def test_cancel_ends_waiting_and_drawing_requests(running, kafka):
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


def test_keys_separate_clients(running, kafka):
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
    status, headers, body = caller.ask("a cat", headers={"Idempotency_Key": "order 4711"})
    assert status == 422 and body["error"]["code"] == "idempotency_key_reused"
    assert caller.ask(headers={"Idempotency_Key": "x" * 256})[0] == 400
    running.stop()
    running.start("worker"), running.start("api")
    assert caller.ask("a cat", headers={"Idempotency_Key": "order 4711"})[0] == 422, "Kafka keeps what the first body was"
    assert caller.ask(headers={"Idempotency_Key": "order 4711"})[2]["id"] == first


def test_retry_after_proxy_timeout_joins_request(running, kafka):
    """OpenAI's libraries retry automatically after a 504 of a proxy."""
    before = accepted(kafka)
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=4000)
    client = openai.OpenAI(api_key=KEYS[0], base_url=running.url("api", "/v1"), timeout=2, max_retries=5)
    picture = client.images.generate(prompt="a fox", response_format="b64_json").data[0]
    assert base64.b64decode(picture.b64_json).startswith(b"\x89PNG")
    assert len(accepted(kafka) - before) == 1, "however often it asked"


def test_failed_call_is_not_retried_by_client(running, kafka):
    before = accepted(kafka)
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=60000)
    running.processes["api"].stop()
    running.start("api", P2P_API_WAIT=2)
    caller = Caller(running)
    client = openai.OpenAI(api_key=KEYS[0], base_url=running.url("api", "/v1"))  # which retries automatically
    with pytest.raises(openai.APIStatusError) as late:
        client.images.generate(prompt="a fox")
    assert late.value.status_code == 504 and late.value.response.headers["Location"].startswith("/v1/requests/")
    drawn = late.value.response.headers["Location"].removeprefix("/v1/requests/")
    waiting = caller.ask()[2]["id"]
    ended = []

    def wait():
        status, headers, body = caller.call("POST", "/v1/images/generations", {"prompt": "a fox"}, Idempotency_Key="k")
        ended.append((status, headers["X-Should-Retry"], body["error"]["code"]))

    running.processes["api"].stop()
    running.start("api")
    thread = threading.Thread(target=wait)
    thread.start()
    [third] = wait_for(lambda: accepted(kafka) - before - {drawn, waiting}, 10, "it is accepted")
    for id in (third, waiting, drawn):
        assert caller.call("DELETE", f"/v1/requests/{id}")[0] == 200
    thread.join()
    assert ended == [(410, "false", "cancelled")]
    assert accepted(kafka) - before == {drawn, waiting, third}, "each call was one request"


def test_pages_of_other_sites(running, serve):
    caller = Caller(running, key=None)
    status, headers, body = caller.call("OPTIONS", "/v1/images/generations", Origin="https://page.example", Access_Control_Request_Method="POST")
    assert status == 204 and headers["Access-Control-Allow-Origin"] == "*" and "Authorization" in headers["Access-Control-Allow-Headers"]
    assert Caller(running).call("GET", "/v1/models")[1]["Access-Control-Allow-Origin"] == "*"
    keyless = serve()
    keyless.start("worker"), keyless.start("api")
    own = Caller(keyless, key=None)
    status, headers, body = own.call("OPTIONS", "/v1/images/generations", Origin="https://page.example", Access_Control_Request_Method="POST")
    assert status == 204 and "Access-Control-Allow-Origin" not in headers
    assert own.call("GET", "/v1/models", Host="evil.example")[0] == 421, "a name of the page's own that leads to loopback"
    assert own.call("GET", "/v1/models", Host="localhost:1")[0] == 200


def test_links_use_address_of_caller(running):
    caller = Caller(running)
    link = caller.ask(prefer="wait=20", headers={"X_Forwarded_Proto": "https", "X_Forwarded_Host": "draw.example"})[2]["data"][0]["url"]
    assert link.startswith("https://draw.example/pictures/images/")
    running.processes["api"].stop()
    running.start("api", P2P_PUBLIC_URL="https://public.example/")
    assert caller.ask(prefer="wait=20")[2]["data"][0]["url"].startswith("https://public.example/pictures/images/")


def test_page_is_served_only_if_set(running):
    assert fetch(running.url("api", "/"))[0] == 404 and fetch(running.url("api", "/docs"))[0] == 200
    running.processes["api"].stop()
    running.start("api", P2P_API_PAGE="on")
    status, headers, body = Caller(running, key=None).call_raw("GET", "/")
    assert status == 200 and b"<script" in body
    assert "img-src 'self' blob: data:;" in headers["Content-Security-Policy"]
    models = Caller(running).call("GET", "/v1/models")[2]["data"]
    assert [model["id"] for model in models] == ["flat"] and models[0]["default"] is True and "card" in wait_for(lambda: (now := Caller(running).call("GET", "/v1/models")[2]["data"][0]) and "card" in now and now, 20, "the model is described")


def test_bad_calls_are_refused(running):
    caller = Caller(running)
    for body in ("", "x", "[]", "{}", '{"prompt": "x", "n": 0}', '{"prompt": "x", "prompt": "y"}', "[" * 5000, b"\xff\xfe"):
        status, headers, answer = caller.call("POST", "/v1/images/generations", body)
        assert status == 400 and answer["error"]["type"] == "invalid_request_error" and answer["error"]["message"], body
    assert caller.call("POST", "/v1/images/generations", '{"prompt": "x"}', Content_Type="text/plain")[0] == 415, "what a page of another site may send"
    assert caller.call("POST", "/v1/images/generations", '{"prompt": "' + "x" * 2_000_000 + '"}')[0] == 413
    for method, path, code in (("PUT", "/v1/images/generations", 405), ("GET", "/v1/nothing", 404)):
        status, headers, answer = caller.call(method, path, "{}")
        assert status == code and answer["error"]["message"], path
    status, headers, answer = caller.call("POST", "/v1/images/generations", '{"prompt": "x", "n": 0}', Content_Type="Application/JSON; charset=utf-8")
    assert status == 400, "the type is read"
    status, headers, answer = caller.ask("x", prefer="wait=20", num_inference_steps=4, enable_hr=True)
    assert status == 200 and answer["notices"] == ['the field "enable_hr" is unknown and was ignored']
    running.processes["api"].stop()
    running.start("api", P2P_API_STRICT="on", P2P_MODEL_ALIASES="dall-e-3=flat")
    status, headers, answer = caller.ask("x", enable_hr=True)
    assert status == 400 and '"enable_hr": unknown field' in answer["error"]["message"]
    assert caller.ask("x", prefer="wait=20", model="dall-e-3")[0] == 200
    assert prompt2pic("api", P2P_KAFKA_BROKERS="127.0.0.1:1", P2P_HTTP_LISTEN="0.0.0.0:0")[0] == 2
    code, said = prompt2pic("api", P2P_KAFKA_BROKERS="127.0.0.1:1", P2P_API_KEYS="too-short")
    assert code == 2 and "P2P_API_KEYS" in said and "too-short" not in said


def test_pictures_in_folder_have_api_links(serve):
    service = serve(minio=None, P2P_PUBLIC_URL="")
    service.start("worker")
    service.start("api")
    url = Caller(service, key=None).ask(prefer="wait=20")[2]["data"][0]["url"]
    assert url.startswith(service.url("api", "/pictures/"))
    status, body = fetch(url)
    assert status == 200 and body.startswith("\x89PNG")
