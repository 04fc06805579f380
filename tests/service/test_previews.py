"""Previews while a picture is drawn: from the worker through the store to the client of the API."""

import json
import re
import shutil
import time

import pytest

from api_caller import KEYS, Caller
from infra import ROOT, fetch, wait_for

PNG = b"\x89PNG\r\n\x1a\n"


def features(caller):
    """The model's features, once its worker has described it."""
    def described():
        models = caller.call("GET", "/v1/models")[2]["data"]
        return models and "card" in models[0] and models
    return wait_for(described, 20, "the description")[0]["card"].get("features", [])


def test_owner_sees_previews_while_drawing(running, kafka, minio):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=20000)
    caller, stranger, nobody = Caller(running), Caller(running, key=KEYS[1]), Caller(running, key=None)
    assert "preview" in features(caller)
    id = caller.ask()[2]["id"]
    status, headers, body = caller.call("GET", f"/v1/requests/{id}/preview")
    assert status == 404 and body["error"]["code"] == "not_found", "there is none yet"

    first = wait_for(lambda: caller.status(id).get("preview"), 30, "a preview")
    assert re.fullmatch(rf"/v1/requests/{id}/preview\?version=\d+", first)
    status, headers, body = caller.call("GET", first)
    assert status == 200 and headers["Content-Type"] == "image/png" and headers["Cache-Control"] == "no-store" and body.startswith(PNG)
    assert stranger.call("GET", first)[0] == 404 and nobody.call("GET", first)[0] == 401
    [key] = [key for key in minio.objects() if key.startswith("previews/") and id in key]
    assert re.fullmatch(rf"previews/\d{{4}}/\d\d/\d\d/{id}\.png", key)
    wait_for(lambda: caller.status(id).get("preview", first) != first, 20, "another preview")

    body = caller.settled(id)
    assert body["status"] == "finished" and "preview" not in body
    wait_for(lambda: key not in minio.objects(), 10, "its deletion")
    assert caller.call("GET", first)[::2] == (204, b"")
    assert stranger.call("GET", first)[0] == 404
    named = [value for name, value, headers, partition in kafka.read("prompt2pic.events") if name == id and "preview" in value]
    assert 2 <= len(named) <= 14 and all(value["preview"] == key and len(json.dumps(value)) < 1000 for value in named), named


def test_cancelled_request_leaves_no_preview(running, minio):
    running.processes["worker"].stop()
    running.start("worker", P2P_FLAT_MS=60000)
    caller = Caller(running)
    id = caller.ask()[2]["id"]
    wait_for(lambda: caller.status(id).get("preview"), 40, "a preview")
    caller.call("DELETE", f"/v1/requests/{id}")
    assert caller.settled(id)["status"] == "cancelled"
    wait_for(lambda: not any(id in key for key in minio.objects()), 10, "its deletion")


@pytest.mark.parametrize("settings", [{"P2P_PREVIEWS": "off", "P2P_FLAT_MS": 4000}, {"P2P_MODEL": "checked", "P2P_PRECISION": "f32", "P2P_SAFETY": "-1", "P2P_STEPS": 2}],
                         ids=["off", "safety"])
def test_there_are_none(serve, tmp_path, settings):
    shutil.copytree(ROOT / "tests/golden/stable_diffusion/sd1", tmp_path / "models/checked")
    shutil.copytree(ROOT / "tests/golden/safety/published", tmp_path / "models/checked", dirs_exist_ok=True)
    service = serve(P2P_API_KEYS=KEYS[0], P2P_MODELS_DIR=tmp_path / "models", **settings)
    service.start("worker")
    service.start("api")
    caller = Caller(service)
    assert "preview" not in features(caller)
    id = caller.ask(size="64x64")[2]["id"]
    seen = set()
    wait_for(lambda: seen.update(state := caller.status(id)) or state["status"] == "finished", 60, "the picture")
    assert "progress" in seen and "preview" not in seen


def test_small_part_of_the_time(serve):
    service = serve(P2P_API_KEYS=KEYS[0], P2P_MODEL="emoji", P2P_DECODER_STEPS=200)
    service.start("worker")
    service.start("api")
    caller = Caller(service)
    began = time.monotonic()
    state = caller.settled(caller.ask("a red apple")[2]["id"], timeout=120)
    assert state["status"] == "finished", state
    metrics = fetch(service.url("worker", "/metrics"))[1]
    count, seconds = (float(re.search(rf'prompt2pic_worker_stage_seconds_{what}{{model="emoji",stage="preview"}} (\S+)', metrics)[1]) for what in ("count", "sum"))
    part = seconds / state["seconds"]["total"]
    print(f"{count:.0f} previews took {seconds:.3f} s of {state['seconds']['total']:.1f} s: {100 * part:.2f} % (limit 5 %); {time.monotonic() - began:.1f} s in all")
    assert count >= 1 and part <= 0.05
