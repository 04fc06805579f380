"""OpenAI's client for Node, as it is published and with its default settings, which retry twice."""

import base64
import json
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from api_caller import KEYS, accepted, ends
from infra import ROOT, fetch, prompt2pic, wait_for
from test_inputs import MODEL, photo

VENV = pathlib.Path(sys.prefix)  # tools/setup_service has put Node and the client there


def node(service, method, *parameters):
    """Calls a method of the client. Returns {status, headers, data}, or the error: {class, status, code, message}."""
    env = {"OPENAI_BASE_URL": service.url("api", "/v1"), "OPENAI_API_KEY": KEYS[0], "NODE_PACKAGES": VENV / "npm/node_modules"}
    command = [VENV / "bin/node", ROOT / "tests/service/openai_client.mjs", method, json.dumps(parameters, default=str)]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, env={name: str(value) for name, value in env.items()})
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    return answer.get("error", answer)


class Call(threading.Thread):
    """A call that runs while the test goes on. `answer` is there after join()."""

    def __init__(self, *arguments):
        super().__init__(target=lambda: setattr(self, "answer", node(*arguments)))
        self.start()


def pictures(answer):
    assert answer["status"] == 200, answer
    return [base64.b64decode(image["b64_json"]) for image in answer["data"]["data"]]


def slow(service, milliseconds, **settings):
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=milliseconds)
    if settings:
        service.processes["api"].stop()
        service.start("api", **settings)


def test_generates(running):
    assert [model["id"] for model in node(running, "models.list")["data"]["data"]] == ["flat"]
    answer = node(running, "images.generate", {"model": "flat", "prompt": "a fox in the snow", "n": 2, "size": "64x64", "response_format": "b64_json", "seed": 7})
    first, second = pictures(answer)
    assert first.startswith(b"\x89PNG") and b"a fox in the snow" in first and first != second
    assert [image["seed"] for image in answer["data"]["data"]] == [7, 8]
    [image] = node(running, "images.generate", {"prompt": "лиса"})["data"]["data"]
    assert fetch(image["url"])[1].startswith("\x89PNG")


def test_edits_and_varies_a_picture(serve, tmp_path):
    service = serve(P2P_API_KEYS=",".join(KEYS), **MODEL)
    service.start("worker"), service.start("api")
    file, by_hand = tmp_path / "photo.png", tmp_path / "by-hand.png"
    file.write_bytes(photo("PNG"))

    def generated(prompt, seed, strength):
        code, said = prompt2pic("generate", prompt, "--image", str(file), "--strength", strength, "--seed", str(seed), "--model", "sd1", "--output", str(by_hand), **MODEL)
        assert code == 0, said
        return by_hand.read_bytes()
    image = {"file": str(file)}
    edited = node(service, "images.edit", {"image": image, "prompt": "a fox", "response_format": "b64_json", "seed": 7, "strength": 0.5})
    assert pictures(edited) == [generated("a fox", 7, "0.5")]
    varied = node(service, "images.createVariation", {"image": image, "n": 2, "response_format": "b64_json", "seed": 9})
    assert pictures(varied) == [generated("", seed, "0.6") for seed in (9, 10)]
    assert node(service, "images.edit", {"image": [image, image], "prompt": "a fox"})["code"] == "invalid_image"


@pytest.mark.parametrize("parameters, name, status, code", [
    ({"prompt": "x", "model": "dall-e-3"}, "NotFoundError", 404, "model_not_found"),
    ({"prompt": "x", "size": "big"}, "BadRequestError", 400, "invalid_value"),
])
def test_refusals_have_the_clients_classes(running, kafka, parameters, name, status, code):
    before = accepted(kafka)
    error = node(running, "images.generate", parameters)
    assert (error["class"], error["status"], error["code"]) == (name, status, code)
    assert accepted(kafka) == before


def test_failed_request_is_submitted_once(running, kafka):
    """The client repeats a call after 500, unless the answer has X-Should-Retry: false."""
    slow(running, 60_000)
    before = accepted(kafka)
    call = Call(running, "images.generate", {"prompt": "a fox"})
    [id] = wait_for(lambda: accepted(kafka) - before, 20, "it is accepted")
    failed = {"schema_version": 1, "id": id, "time": "2026-01-01T00:00:00.000Z", "type": "failed", "worker": "w", "dispatch": 1, "reason": "drawing_failed"}
    kafka.produce("prompt2pic.events", json.dumps(failed).encode(), key=id)
    call.join()
    assert (call.answer["class"], call.answer["status"], call.answer["code"]) == ("InternalServerError", 500, "drawing_failed")
    assert accepted(kafka) - before == {id}


def test_call_that_waits_too_long_is_submitted_once(running, kafka):
    slow(running, 60_000, P2P_API_WAIT=2)
    before = accepted(kafka)
    error = node(running, "images.generate", {"prompt": "a fox"})
    assert (error["class"], error["status"], error["code"]) == ("InternalServerError", 504, "not_drawn_yet")
    assert len(accepted(kafka) - before) == 1


def test_retry_after_a_timeout_joins_the_request(running, kafka):
    running.processes["worker"].stop()
    before = accepted(kafka)
    call = Call(running, "images.generate", {"prompt": "a fox", "response_format": "b64_json"}, {"timeout": 10_000})
    wait_for(lambda: accepted(kafka) - before, 20, "it is accepted")
    time.sleep(10)  # until the first attempt has ended
    running.start("worker")
    call.join()
    assert pictures(call.answer)[0].startswith(b"\x89PNG")
    [id] = accepted(kafka) - before
    assert ends(kafka)[id] == ["finished"]


def test_accepted_request_is_polled(running):
    slow(running, 2_000)
    answer = node(running, "images.generate", {"prompt": "a fox"}, {"headers": {"Prefer": "respond-async"}})
    id = answer["data"]["id"]
    assert answer["status"] == 202 and answer["headers"]["location"] == f"/v1/requests/{id}" and answer["data"]["status"] in ("queued", "drawing")

    def ended():
        state = node(running, "get", f"/requests/{id}")["data"]
        assert state["status"] in ("queued", "drawing", "finished"), state
        return state["status"] == "finished" and state
    [image] = wait_for(ended, 20, "it is drawn")["data"]
    assert fetch(image["url"])[1].startswith("\x89PNG")
