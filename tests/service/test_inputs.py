"""Pictures to begin with: OpenAI's client sends them, the store keeps them, hostile ones are refused."""

import base64
import io
import json
import re
import struct
import threading
import time
import zlib

import openai
import pytest
from PIL import Image

from api_caller import KEYS, Caller, accepted, ends
from infra import ROOT, prompt2pic, wait_for

MODEL = {"P2P_MODELS_DIR": ROOT / "tests/golden/stable_diffusion", "P2P_MODEL": "sd1", "P2P_PRECISION": "f32", "P2P_STEPS": 4}
MB = 1 << 20


def photo(format, size=(64, 48), **options):
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned_photo(kind="JPEG"):
    exif = Image.Exif()
    exif[0x0112] = 6
    return photo(kind, exif=exif)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=64, height=64, data=b"", chunks=b""):
    """A PNG with any header and pixels."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunks + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def form(*fields, boundary="b"):
    """(name, content, further headers)"""
    body = b""
    for name, content, *headers in fields:
        content = content.encode() if isinstance(content, str) else content
        body += b"\r\n".join((b"--" + boundary.encode(), f'Content-Disposition: form-data; name="{name}"'.encode(), *headers, b"", content, b""))
    return body + b"--" + boundary.encode() + b"--\r\n"


def send(caller, body, path="/v1/images/edits", **headers):
    return caller.call("POST", path, body, **{"Content_Type": "multipart/form-data; boundary=b", **headers})


def inputs(minio):
    return [key for key in minio.objects() if key.startswith("inputs/")]


@pytest.fixture
def drawing(serve):
    """The API with two keys and a worker whose model takes pictures, ready."""
    service = serve(P2P_API_KEYS=",".join(KEYS), **MODEL)
    service.start("worker")
    service.start("api")
    return service


@pytest.mark.parametrize("name, content", [("photo.png", photo("PNG")), ("photo.jpg", turned_photo()), ("photo.webp", turned_photo("WEBP"))], ids=["png", "jpeg", "webp"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_openai_client_and_generate_draw_the_same(drawing, minio, tmp_path, name, content):
    before = set(inputs(minio))
    file, by_hand = tmp_path / name, tmp_path / "by-hand.png"
    file.write_bytes(content)
    client = openai.OpenAI(api_key=KEYS[0], base_url=drawing.url("api", "/v1"), max_retries=0)

    def generated(prompt, seed, strength):
        code, said = prompt2pic("generate", prompt, "--image", str(file), "--strength", str(strength), "--seed", str(seed), "--model", "sd1", "--output", str(by_hand),
                                **MODEL)
        assert code == 0, said
        return by_hand.read_bytes()

    answer = client.images.edit(image=file.open("rb"), prompt="a (fox:1.3)", model="sd1", n=2, response_format="b64_json", extra_body={"seed": 7, "strength": 0.5})
    pictures = [base64.b64decode(image.b64_json) for image in answer.data]
    assert pictures == [generated("a (fox:1.3)", seed, 0.5) for seed in (7, 8)]
    [key] = set(inputs(minio)) - before
    assert re.fullmatch(r"inputs/\d{4}/\d\d/\d\d/%s\.%s" % (re.escape(answer.model_extra["id"]), {"jpg": "jpeg"}.get(name[6:], name[6:])), key)
    answer = client.images.create_variation(image=file.open("rb"), response_format="b64_json", extra_body={"seed": 9})
    assert base64.b64decode(answer.data[0].b64_json) == generated("", 9, 0.6)
    with pytest.raises(openai.BadRequestError, match="mask: is not supported"):
        client.images.edit(image=file.open("rb"), mask=file.open("rb"), prompt="x")
    with pytest.raises(openai.BadRequestError, match="expected one picture, found more"):
        client.images.edit(image=[file.open("rb"), file.open("rb")], prompt="x")
    assert client.images.edit(image=[file.open("rb")], prompt="x").data[0].url, "a list of one"
    answer = client.images.edit(image=file.open("rb"), prompt="x", response_format="b64_json", output_format="webp", output_compression=50)
    assert answer.output_format == Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json))).format.lower() == "webp"
    status, headers, body = send(Caller(drawing), form(("image", content), ("output_format", "jpeg"), ("output_compression", "50")), "/v1/images/variations", Prefer="wait=60")
    assert status == 200 and body["output_format"] == "jpeg" and "-1.jpg?" in body["data"][0]["url"]
    status, headers, body = send(Caller(drawing), form(("image", content), ("output_compression", "50")), "/v1/images/variations")
    assert status == 400 and "output_compression: expected 100 for png" in body["error"]["message"]


def test_large_photo_is_drawn_at_the_models_size(drawing):
    status, headers, answer = send(Caller(drawing), form(("image", photo("JPEG", (2000, 1000))), ("prompt", "a fox")), Prefer="wait=60")
    assert status == 200, answer
    width, height = (answer["data"][0][side] for side in ("width", "height"))
    assert width > height and width * height <= 128 * 128 and "because the picture has 2000x1000 pixels" in answer["notices"][0]
    status, headers, answer = send(Caller(drawing), form(("image", photo("JPEG", (2000, 1000))), ("prompt", "a fox"), ("size", "128x64")), Prefer="wait=60")
    assert status == 200 and answer["data"][0]["width"] == 128


def test_hostile_pictures_and_forms_are_refused(drawing, kafka, minio):
    caller, before, stored = Caller(drawing), accepted(kafka), inputs(minio)
    good, prompt = photo("PNG"), ("prompt", "a fox")
    pictures = {
        "found nothing": b"", "found a GIF": photo("GIF"), "a damaged WebP": photo("WEBP")[:-2], "found HTML, SVG": b"<svg/>", "found something else": b"\x7fELF" + bytes(100),
        "it is cut": good[:-20], "a damaged PNG": good[:9], "a damaged JPEG": photo("JPEG")[:-2],
        "found 100000x100000": png(100_000, 100_000), "found 65500x1": photo("JPEG", (65_500, 1)), "found 0x0": png(0, 0)}
    for problem, picture in pictures.items():
        status, headers, answer = send(caller, form(("image", picture), prompt))
        assert status == 400 and problem in answer["error"]["message"], (problem, answer)
    bodies = {
        "does not begin with the boundary": b"x", "has no end": form(("image", good), prompt)[:-8], "or they are cut": form(("image", good), prompt)[:-20], "image: is missing": form(prompt), "prompt: is missing": form(("image", good)),
        "itself a multipart": form(("image", good, b"Content-Type: multipart/mixed; boundary=c"), prompt), "more than 64 parts": form(*[(f"f{n}", "x") for n in range(65)]),
        "bytes of headers": form(("image", good, b"X: " + b"x" * 5000), prompt), "is there twice": form(("image", good), prompt, prompt),
        "Content-Transfer-Encoding": form(("image", base64.b64encode(good), b"Content-Transfer-Encoding: base64"), prompt), "steps: expected": form(("image", good), prompt, ("steps", "many"))}
    for problem, body in bodies.items():
        status, headers, answer = send(caller, body)
        assert status == 400 and problem in answer["error"]["message"], (problem, answer)
    assert send(caller, "{}", Content_Type="application/json")[0] == 415
    assert send(caller, form(("image", good), prompt), Content_Type="multipart/form-data")[0] == 400
    assert send(caller, form(("image", good + bytes(13 * MB)), prompt))[0] == 413
    assert send(Caller(drawing, key=None), form(("image", good), prompt))[0] == 401
    assert accepted(kafka) == before and inputs(minio) == stored, "nothing was queued or stored"
    # What only decoding shows ends the request.
    bomb = png(8192, 8192, zlib.compress(bytes(1000)), chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(8 * MB))))
    for picture in (png(64, 64, b"no pixels"), bomb):
        status, headers, answer = send(caller, form(("image", picture), prompt, ("size", "64x64")), Prefer="wait=60")
        assert status == 400 and answer["error"]["code"] == "cannot_do" and "the picture to begin with: a damaged PNG" in answer["error"]["message"]


def test_names_of_files_are_not_used(drawing, minio):
    before = set(inputs(minio))
    body = form(("image", photo("PNG")), ("prompt", "a fox")).replace(b'name="image"', b'name="image"; filename="../../../../tmp/\\"x.png"')
    assert send(Caller(drawing), body, Prefer="wait=60")[0] == 200
    [key] = set(inputs(minio)) - before
    assert re.fullmatch(r"inputs/\d{4}/\d\d/\d\d/[0-9a-f-]{36}\.png", key)


def test_large_uploads_fit_in_memory(drawing):
    """Twelve of 12 MiB each at the same time: those beyond the limit get 503 and can come again."""
    caller = Caller(drawing)
    process = drawing.processes["api"].process.pid
    memory = lambda: int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{process}/status").read())[1]) // 1024
    before, most = memory(), 0
    body = form(("image", png(data=bytes(12 * MB - 1000))), ("prompt", "a fox"), ("size", "64x64"))
    statuses = []

    def upload():
        try:
            statuses.append(send(caller, body, Prefer="wait=60")[0])
        except OSError:
            statuses.append(0)
    threads = [threading.Thread(target=upload) for _ in range(12)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, memory())
        time.sleep(0.02)
    print(f"{most - before} MB more (limit 100), {statuses}")
    assert most - before < 100 and 400 in statuses and set(statuses) <= {0, 400, 503}, "0: refused while it still sent"
    assert send(caller, form(("image", photo("PNG")), ("prompt", "a fox")), Prefer="wait=60")[0] == 200, "it still works"


def test_retry_joins_the_request_although_the_boundary_is_new(drawing, kafka, minio):
    before, stored = accepted(kafka), set(inputs(minio))
    drawing.processes["worker"].stop()
    client = openai.OpenAI(api_key=KEYS[0], base_url=drawing.url("api", "/v1"), timeout=2, max_retries=20)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.images.edit(image=("a.png", photo("PNG")), prompt="a fox", response_format="b64_json")))
    thread.start()
    time.sleep(5)
    drawing.start("worker")
    thread.join()
    assert answers and len(accepted(kafka) - before) == 1, "however often it asked"
    assert len(set(inputs(minio)) - stored) == 1
    caller, body = Caller(drawing), (("image", photo("PNG")), ("prompt", "a fox"))
    first, second = (send(caller, form(*body, boundary=each), Content_Type=f"multipart/form-data; boundary={each}", Idempotency_Key="order", Prefer="wait=60")[2] for each in ("b1", "b2"))
    assert first["id"] == second["id"]
    assert send(caller, form(("image", photo("PNG", (8, 8))), ("prompt", "a fox")), Idempotency_Key="order")[0] == 422


def test_models_without_pictures_and_missing_pictures(running, serve, kafka):
    status, headers, answer = send(Caller(running), form(("image", photo("PNG")), ("prompt", "a fox")), Prefer="wait=60")
    assert status == 400 and answer["error"]["code"] == "cannot_do" and "the model flat takes no pictures" in answer["error"]["message"]
    other = serve(**MODEL)
    other.start("worker")
    key = "inputs/2026/11/24/missing.png"
    for model in ("flat", "sd1"):
        request = {"schema_version": 1, "id": f"input-{model}", "time": "2026-11-24T12:34:56Z", "model": model, "prompt": "x", "seed": 1, "image_key": key}
        headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("type", b"request")]
        kafka.produce(f"prompt2pic.requests.{model}", json.dumps(request).encode(), key=request["id"], headers=headers)
    wait_for(lambda: {"input-flat", "input-sd1"} <= set(ends(kafka)), 30, "both end")
    failed = {id: (value["reason"], value.get("detail")) for id, value, *_ in kafka.read("prompt2pic.events") if value["type"] == "failed"}
    assert failed["input-flat"] == ("cannot_do", "the model flat takes no pictures")
    assert failed["input-sd1"] == ("input_missing", f"the picture to begin with, {key}, is not in the store")


def test_store_that_does_not_answer_refuses_the_call(serve, minio, proxy, kafka):
    between = proxy(minio.port)
    service = serve(P2P_API_KEYS=",".join(KEYS), **MODEL)
    service.start("worker")
    service.start("api", P2P_S3_ENDPOINT=f"http://127.0.0.1:{between.port}")
    before, body = accepted(kafka), form(("image", photo("PNG")), ("prompt", "a fox"))
    between.set("cut")
    status, headers, answer = send(Caller(service), body)
    assert status == 503 and headers["Retry-After"] and accepted(kafka) == before
    between.set("pass")
    assert send(Caller(service), body, Prefer="wait=60")[0] == 200


def test_forms_of_other_sites_are_refused(serve):
    service = serve(**MODEL)
    service.start("worker"), service.start("api")
    caller, body = Caller(service, key=None), form(("image", photo("PNG")), ("prompt", "a fox"))
    status, headers, answer = send(caller, body, Origin="https://evil.example")
    assert status == 403 and answer["error"]["code"] == "foreign_origin"
    assert send(caller, body, Origin="null")[0] == 403
    assert send(caller, body, Origin=service.url("api", ""), Prefer="wait=60")[0] == 200, "its own page"
