"""Clients of AUTOMATIC1111's API draw through the queue: webuiapi, and the calls that Open WebUI sends."""

import base64
import time

import webuiapi
from PIL import Image

from api_caller import KEYS, Caller
from infra import ROOT, prompt2pic, wait_for


def test_webuiapi_draws(running):
    client = webuiapi.WebUIApi("127.0.0.1", running.ports["api"], username="anybody", password=KEYS[0])
    assert client.get_options()["sd_model_checkpoint"] == "flat"
    assert [model["title"] for model in client.get_sd_models()] == ["flat"]
    result = client.txt2img(prompt="a fox", negative_prompt="blur", seed=7, batch_size=2)
    assert len(result.images) == 2 and all(image.size == (64, 64) for image in result.images)
    assert result.info["seed"] == 7 and result.info["all_seeds"] == [7, 8] and "a fox" in result.images[0].info["parameters"]
    assert client.get_progress()["progress"] == 0


def open_webui(caller, method, path, body=None):
    """As backend/open_webui/routers/images.py calls it."""
    authorization = "Basic " + base64.b64encode(f"user:{caller.key}".encode()).decode()
    return Caller(caller.service, key=None).call(method, "/sdapi/v1/" + path, body, Authorization=authorization)


def test_open_webui_draws_with_the_model_it_sets(serve):
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_MODELS_DIR=ROOT / "tests/golden/stable_diffusion", P2P_MODEL="sd1", P2P_PRECISION="f32")
    service.start("worker")
    service.start("api")
    caller = Caller(service)
    status, headers, options = open_webui(caller, "GET", "options")
    assert status == 200
    options["sd_model_checkpoint"] = "sd1"
    assert open_webui(caller, "POST", "options", options)[0] == 200
    assert open_webui(caller, "POST", "options", {"sd_model_checkpoint": "missing"})[0] == 404
    body = {"prompt": "a fox", "batch_size": 1, "width": 64, "height": 64, "steps": 2, "negative_prompt": "blur", "cfg_scale": 7.0, "sampler_name": "DPM++ 2M", "scheduler": "Karras"}
    status, headers, answer = open_webui(caller, "POST", "txt2img", body)
    assert status == 200, answer
    parameters = base64.b64decode(answer["images"][0])
    assert parameters.startswith(b"\x89PNG") and b"Sampler: DPM++ 2M, Schedule type: Karras" in parameters and b"Steps: 2" in parameters
    status, headers, samplers = open_webui(caller, "GET", "samplers")
    assert "euler_a" in [sampler["name"] for sampler in samplers]
    status, headers, answer = open_webui(caller, "POST", "txt2img", {**body, "sampler_name": "nothing", "scheduler": None})
    assert status == 400 and "there is no sampler nothing" in answer["error"]["message"]


def test_progress_and_interrupt(serve):
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_FLAT_MS=30_000)
    service.start("worker")
    service.start("api")
    caller = Caller(service)
    id = caller.ask()[2]["id"]
    progress = wait_for(lambda: (body := open_webui(caller, "GET", "progress")[2])["progress"] > 0 and body, 30, "it is drawn")
    assert progress["state"]["job"] == id
    assert open_webui(Caller(service, key=KEYS[1]), "GET", "progress")[2]["progress"] == 0, "another client's"
    start = time.monotonic()
    webuiapi.WebUIApi("127.0.0.1", service.ports["api"], username="anybody", password=KEYS[0]).interrupt()
    assert caller.settled(id)["status"] == "cancelled"
    print(f"interrupted after {time.monotonic() - start:.1f} s")


def test_errors_are_json_and_keys_are_required(running):
    caller = Caller(running, key=None)
    assert caller.call("POST", "/sdapi/v1/txt2img", {"prompt": "x"})[0] == 401
    status, headers, body = caller.call("GET", "/sdapi/v1/nothing", Authorization=f"Bearer {KEYS[0]}")
    assert status == 404 and body["error"]["code"] == "not_found"


def test_webuiapi_redraws_a_picture(serve, tmp_path):
    settings = {"P2P_MODELS_DIR": ROOT / "tests/golden/stable_diffusion", "P2P_MODEL": "sd1", "P2P_PRECISION": "f32"}
    service = serve(P2P_API_KEYS=",".join(KEYS), **settings)
    service.start("worker")
    service.start("api")
    client = webuiapi.WebUIApi("127.0.0.1", service.ports["api"], username="anybody", password=KEYS[0], sampler="Euler a", steps=6)
    photo, by_hand = tmp_path / "photo.png", tmp_path / "by-hand.png"
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(photo)
    result = client.img2img(images=[Image.open(photo)], prompt="a fox", seed=7, cfg_scale=5, denoising_strength=0.5, width=64, height=64)
    code, said = prompt2pic("generate", "a fox", "--image", str(photo), "--strength", "0.5", "--seed", "7", "--steps", "6", "--guidance", "5", "--sampler", "Euler a", "--width", "64", "--height", "64", "--model", "sd1",
                            "--output", str(by_hand), **settings)
    assert code == 0, said
    drawn = Image.open(by_hand)
    assert result.images[0].tobytes() == drawn.tobytes() and result.images[0].info["parameters"] == drawn.info["parameters"]
    body = {"init_images": [base64.b64encode(photo.read_bytes()).decode()], "width": 64, "height": 64, "steps": 4}
    caller = Caller(service)
    assert open_webui(caller, "POST", "img2img", body)[0] == 200, "without a prompt"
    for wrong in ({"mask": body["init_images"][0]}, {"init_images": []}, {"init_images": ["x"]}, {"init_images": [base64.b64encode(b"GIF89a").decode()]}, {"init_images": body["init_images"] * 2}):
        status, headers, answer = open_webui(caller, "POST", "img2img", {**body, **wrong})
        assert status == 400 and ("mask" if "mask" in wrong else "ima") in answer["error"]["message"], wrong
    assert open_webui(caller, "POST", "img2img", {"init_images": ["A" * (13 << 20)]})[0] == 413
