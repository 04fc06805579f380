"""Pictures in JPEG and WebP: OpenAI's client asks for them, the store keeps them, other programs read them."""

import base64
import io
import re

import openai
import pytest
from PIL import Image, ImageChops, ImageStat

from api_caller import KEYS, Caller
from infra import fetch, prompt2pic

ENDINGS = {"png": "png", "jpeg": "jpg", "webp": "webp"}


def opened(data):
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def parameters(picture):
    """As AUTOMATIC1111 reads them."""
    if picture.format == "PNG":
        return picture.info["parameters"]
    comment = picture.getexif().get_ifd(0x8769)[0x9286]
    assert comment[:8] == b"UNICODE\0"
    return comment[8:].decode("utf-16-be")


def difference(one, other):
    """Mean, of 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


def saved(picture, format, **options):
    file = io.BytesIO()
    picture.convert("RGB").save(file, format, **options)
    return opened(file.getvalue())


@pytest.fixture
def drawing(serve):
    """The API and a worker with the bundled model."""
    service = serve(P2P_API_KEYS=",".join(KEYS), P2P_MODEL="emoji", P2P_STEPS=2, P2P_DECODER_STEPS=2)
    service.start("worker")
    service.start("api")
    return service


def test_pillow_makes_the_same_pictures(drawing, tmp_path):
    client = openai.OpenAI(api_key=KEYS[0], base_url=drawing.url("api", "/v1"), max_retries=0)

    def draw(**fields):
        answer = client.images.generate(prompt="лиса on a blue background", response_format="b64_json", extra_body={"seed": 7}, **fields)
        data = base64.b64decode(answer.data[0].b64_json)
        picture = opened(data)
        assert answer.output_format == picture.format.lower() == fields.get("output_format", "png")
        assert parameters(picture).startswith("лиса on a blue background\nSteps: 2, ") and "Seed: 7, Size: 128x128, Model: emoji" in parameters(picture)
        return data, picture

    png = draw()[1]
    for quality, subsampling in ((100, 0), (80, 2), (0, 2)):
        data, jpeg = draw(output_format="jpeg", output_compression=quality)
        assert jpeg.tobytes() == saved(png, "JPEG", quality=max(quality, 1), subsampling=subsampling).tobytes(), quality
        data, webp = draw(output_format="webp", output_compression=quality)
        assert difference(webp, saved(png, "WEBP", quality=quality)) < 0.5, quality
    for format, ending in ENDINGS.items():
        file = tmp_path / f"by-hand.{ending}"
        code, said = prompt2pic("generate", "лиса on a blue background", "--seed", "7", "--steps", "2", "--decoder-steps", "2", "--output", str(file))
        assert code == 0, said
        assert file.read_bytes() == draw(output_format=format)[0], "at the quality of 100"


@pytest.mark.parametrize("format", ENDINGS)
def test_every_address_has_the_format(running, minio, format):
    caller = Caller(running)
    status, headers, body = caller.ask(prefer="wait=30", n=2, output_format=format)
    assert status == 200 and body["output_format"] == format
    assert caller.status(body["id"])["output_format"] == format
    encoded = caller.call("GET", f"/v1/requests/{body['id']}?response_format=b64_json")[2]["data"]
    for n, image in enumerate(body["data"], 1):
        status, headers, data = caller.call("GET", f"/v1/requests/{body['id']}/images/{n}")
        assert status == 200 and headers["Content-Type"] == "image/" + format and opened(data).format.lower() == format
        assert base64.b64decode(encoded[n - 1]["b64_json"]) == data
        key = re.search(r"images/\d{4}/\d\d/\d\d/%s-%d\.%s" % (body["id"], n, ENDINGS[format]), image["url"])[0]
        assert key in minio.objects() and f"image/{format}".encode() in minio.metadata(key)
        path = image["url"].removeprefix(running.url("api", ""))
        status, headers, by_link = caller.call_raw("GET", path)
        assert (status, headers["Content-Type"], by_link) == (200, "image/" + format, data)
        other = "png" if format == "webp" else "webp"
        assert fetch(running.url("api", path.replace("." + ENDINGS[format], "." + other)))[0] == 403, "a link is for its picture"


def test_what_is_refused(running):
    client = openai.OpenAI(api_key=KEYS[0], base_url=running.url("api", "/v1"), max_retries=0)
    for fields, said in (({"output_format": "gif"}, "output_format: expected png, jpeg or webp, found"), ({"output_format": "jpg"}, "expected png, jpeg or webp"),
                         ({"output_format": "jpeg", "output_compression": 101}, "output_compression: expected"), ({"output_compression": 80}, "output_compression: expected 100 for png"),
                         ({"output_format": "webp", "output_compression": -1}, "output_compression: expected")):
        with pytest.raises(openai.BadRequestError, match=said):
            client.images.generate(prompt="x", **fields)
    assert client.images.generate(prompt="x", output_format="png", output_compression=100).output_format == "png"
