"""An API in place of the server's: it answers within the browser (Playwright's routes) and keeps what the page has sent."""

import base64
import json
import re
import struct
import zlib

MODEL = {"id": "every", "object": "model", "owned_by": "prompt2pic", "default": True, "card": {
    "title": {"en": "Everything", "ru": "Всё"}, "width": 768, "height": 768, "max_pixels": 1_000_000, "steps": 25, "guidance": 7,
    "samplers": ["euler", "dpmpp_2m_karras"], "features": ["negative_prompt", "variation", "larger"],
    "examples": {"en": ["a lighthouse"], "ru": ["маяк"]}, "languages": ["en", "ru"]}}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(text=None, international=False):
    """A PNG of one pixel with the parameters, in tEXt or compressed iTXt."""
    pieces = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))]
    if text is not None and international:
        pieces.append(chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(text.encode())))
    elif text is not None:
        pieces.append(chunk(b"tEXt", b"parameters\0" + text.encode("latin-1")))
    return b"".join([*pieces, chunk(b"IDAT", zlib.compress(b"\0\x50\x60\xe0")), chunk(b"IEND", b"")])


def exif(text, order=">"):
    """Exif with the text as UserComment."""
    comment = b"UNICODE\0" + text.encode("utf-16-be" if order == ">" else "utf-16-le")
    mark = b"MM" if order == ">" else b"II"
    return mark + struct.pack(order + "HI HHHII I HHHII I", 42, 8, 1, 0x8769, 4, 1, 26, 0, 1, 0x9286, 7, len(comment), 44, 0) + comment


def jpeg(exif=None):
    """Begins like a JPEG, without pixels."""
    segments = [(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")] + ([(0xE1, b"Exif\0\0" + exif)] if exif else []) + [(0xDA, b"scan")]
    return b"\xff\xd8" + b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments) + b"\xff\xd9"


def webp(exif=None):
    """The container of a WebP, without pixels."""
    chunks = [(b"VP8X", bytes(10)), (b"VP8 ", b"odd")] + ([(b"EXIF", exif)] if exif else [])
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


class FakeApi:
    """`models`, `refusal` (status, code, message) and `outcome` (merged into the state of a request) may be set before the page is used."""

    def __init__(self):
        self.models, self.refusal, self.outcome = [MODEL], None, {}
        self.bodies, self.keys = [], []

    def serve(self, context):
        context.route(re.compile(r"/v1/"), self.answer)

    def answer(self, route):
        request = route.request
        path = request.url.split("/v1/")[1]
        if path == "models":
            return self.send(route, {"object": "list", "data": self.models})
        if request.method == "POST":
            if self.refusal:
                status, code, message = self.refusal
                return self.send(route, {"error": {"message": message, "type": "x", "code": code, "param": None}}, status)
            self.keys.append(request.headers["idempotency-key"])
            self.bodies.append(json.loads(request.post_data))
            return self.send(route, {"id": f"r{len(self.bodies)}", "status": "queued"}, 202)
        number = int(re.match(r"requests/r(\d+)", path)[1])
        body = self.bodies[number - 1]
        if "/images/" in path:
            return route.fulfill(body=png("made here\nSteps: 1, Seed: 2"), content_type="image/png")
        width, height = map(int, body.get("size", "768x768").split("x"))
        seed = body.get("seed", 1000)
        state = {"id": f"r{number}", "status": "finished", "model": body.get("model", "every"), "created": 1, "offers": ["variation", "larger"],
                 "data": [{"url": f"data:image/png;base64,{base64.b64encode(png()).decode()}", "seed": seed + i, "width": width, "height": height}
                          for i in range(body.get("n", 1))], **self.outcome}
        if path.endswith("/events"):
            return route.fulfill(body=f"event: {state['status']}\ndata: {json.dumps(state)}\n\n", content_type="text/event-stream")
        return self.send(route, state)

    @staticmethod
    def send(route, body, status=200):
        route.fulfill(status=status, body=json.dumps(body), content_type="application/json")
