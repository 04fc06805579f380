"""docs/asyncapi.yaml and the program agree: the program refuses a message if and only if its schema does."""

import copy
import datetime
import json
import os
import pathlib
import random
import re
import subprocess
import warnings

import jsonschema
import pytest
import yaml

from infra import BINARY, ROOT, wait_for

DOCUMENT = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
FIXTURES = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "src/platform/messages/fixtures").glob("*.json"))}
DECODE = pathlib.Path(os.environ.get("P2P_DECODE", BINARY.parent / "p2p_decode"))
MUTATIONS = int(os.environ.get("P2P_MUTATIONS", 20_000))  # so many random ones, and half as many of each kind's systematic ones
CHANNELS = {"request": "requests", "event": "events", "control": "control", "dead_letter": "dead_letters", "model": "models"}


def kind_of(fixture):
    return next(kind for kind in CHANNELS if fixture.startswith(kind))


# --- the schemas' side

def max_bytes(validator, most, instance, schema):
    if isinstance(instance, str) and len(instance.encode()) > most:
        yield jsonschema.ValidationError(f"longer than {most} bytes")


def equal(validator, paths, instance, schema):
    values = []
    for path in paths:
        value = instance
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        values.append(value)
    if values[0] != values[1]:
        yield jsonschema.ValidationError(f"{paths} differ")


def pattern(validator, expression, instance, schema):
    # Python's $ also matches before a final line end, ECMA's does not.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", expression), instance):
        yield jsonschema.ValidationError(f"does not fit {expression}")


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(text):
    return not isinstance(text, str) or bool(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")))


Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"x-max-bytes": max_bytes, "x-equal": equal, "pattern": pattern})


def validator_of(*references):
    return Validator({"components": DOCUMENT["components"], "anyOf": [{"$ref": reference} for reference in references]}, format_checker=FORMATS)


def resolve(reference):
    node = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        node = node[name]
    return node


def messages_of(channel):
    return [resolve(message["$ref"]) for message in DOCUMENT["channels"][channel]["messages"].values()]


PAYLOADS = {kind: validator_of(*(message["payload"]["$ref"] for message in messages_of(channel))) for kind, channel in CHANNELS.items()}
HEADERS = {kind: validator_of(*(message["headers"]["$ref"] for message in messages_of(channel))) for kind, channel in CHANNELS.items()}


def distinct(pairs):
    if len({name for name, value in pairs}) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def finite(text):
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError("no double")
    return value


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, (dict, list)) else 0


def json_of(data):
    """Parses JSON with the restrictions in info.description; raises ValueError."""
    if len(data) > 1 << 20 or b"\0" in data:
        raise ValueError("too long, or a byte of zero")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=distinct, parse_float=finite, parse_int=lambda text: finite(text) and int(text),
                           parse_constant=lambda text: finite("inf"))
        json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
    except RecursionError:
        raise ValueError("too deep") from None
    if depth(value) > 16:
        raise ValueError("too deep")
    return value


def problem(kind, data):
    """Why the document refuses the message; empty if it does not."""
    try:
        error = jsonschema.exceptions.best_match(PAYLOADS[kind].iter_errors(json_of(data)))
        return error.message if error else ""
    except ValueError as error:
        return str(error) or "no JSON"


# --- the program's side

def verdicts(kind, texts):
    result = subprocess.run([DECODE, kind], input=b"".join(b"%d\n%s" % (len(text), text) for text in texts), capture_output=True, timeout=300)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return ["" if line == "ok" else line for line in lines]


# --- mutations

NUMBERS = (0, 1, -1, 1.0, 0.0, -0.0, 0.5, 1.5, 2, 10, 1e3, 100, 100.0, 101, 255, 256, 1000, 1000.5, -1000, 1001, 10_000, 10_001, 65_535, 65_536, 1_000_000, 1_000_001, 10**9, 10**9 + 1,
           2**31, 2**32, 2**53 - 1, 2**53, 2**53 + 1, -(2**53), 2**63, 2**64, 1e18, 1e300, -1e300)
TEXTS = ("", "a", "A", "0", ".", "..", "-", "_", "a b", "a\n", "\n", "a\0", "\0", "ж", "😀", "../x", "a/b", "x" * 64, "x" * 65, "x" * 249, "x" * 250, "ж" * 128, "x" + "ж" * 127, "x" + "ж" * 128, "ж" * 124, "ж" * 125,
         "x" * 255, "x" * 256, "x" * 257, "x" * 4096, "x" * 4097, "ж" * 2048, "x" + "ж" * 2048, "x" * 16384, "x" * 16385, "ж" * 8192, "x" + "ж" * 8192,
         "handed_back", "prior", "cancel", "release", "accepted", "started", "progress", "finished", "failed", "cancelled", "unreadable", "flat",
         "2026-11-24T12:34:56Z", "2026-11-24T12:34:56.7Z", "2026-11-24T12:34:56.789+00:00", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "1969-12-31T23:59:59Z",
         "1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2026-13-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T12:34:60Z", "2026-11-24t12:34:56z",
         "2026-11-24T12:34:56.789Z\n", "٢٠٢٦-11-24T12:34:56.789Z", "images/2026/11/24/a-1.png", "images/2026/11/24/a-0.png", "images/2026/11/24/a-9999.png", "images/2026/11/24/a-10000.png",
         "images/2026/11/24/.a-1.png", "images/2026/11/24/" + "x" * 64 + "-1.png", "images/2026/11/24/" + "x" * 65 + "-1.png", "images/99/11/24/a-1.png", "images/2026/11/24/a/b-1.png",
         "images/2026/11/24/a-1.jpg", "images/2026/11/24/a-1.webp", "images/2026/11/24/a-1.jpeg", "images/2026/11/24/a-1.png.webp", "images/2026/11/24/a-1", "png", "jpeg", "jpg", "webp", "PNG", "png\n",
         "inputs/2026/11/24/a.png", "inputs/2026/11/24/a.jpeg", "inputs/2026/11/24/a.webp", "inputs/2026/11/24/a.jpg", "inputs/2026/11/24/.png", "inputs/2026/11/24/.a.png", "inputs/2026/11/24/a.png.jpeg",
         "inputs/2026/11/24/" + "x" * 64 + ".jpeg", "inputs/2026/11/24/" + "x" * 65 + ".png", "inputs/26/11/24/a.png", "inputs/2026/11/24/a/b.png", "inputs/2026/11/24/a.png\n",
         "previews/2026/11/24/a.png", "previews/2026/11/24/a.jpeg", "previews/2026/11/24/.png", "previews/2026/11/24/" + "x" * 65 + ".png", "previews/2026/11/24/a.png\n",
         "images/2026/11/24/a-1.png\n", "AP8B", "AA==", "AB==", "AAA=", "AAB=", "A===", "AAAA====", "A", "AP8B\n", "AA==AAAA")
LONG_TEXTS = ("x" * 131072, "x" * 131073, "ж" * 65536, "x" + "ж" * 65536, "A" * 174760, "A" * 174764, "A" * 174768)
OTHERS = (None, True, False, [], {}, [[]], {"a": {}}, [1] * 33, ["x"] * 32, ["x"] * 33, {f"k{i}": 1 for i in range(64)}, {f"k{i}": "1" for i in range(65)}, {"A": 1}, {"a": "b"}, {"": 1})


def paths_in(value, path=()):
    yield path
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths_in(inner, path + (name,))


def parent_of(value, path):
    for name in path[:-1]:
        value = value[name]
    return value


def each_changed(fixture):
    """The fixture with each value removed, and replaced by each test value."""
    for path in list(paths_in(FIXTURES[fixture]))[1:]:
        long = LONG_TEXTS if str(path[-1]).startswith("original") else ()
        for new in (..., *NUMBERS, *TEXTS, *OTHERS, *long):
            value = copy.deepcopy(FIXTURES[fixture])
            if new is ...:
                del parent_of(value, path)[path[-1]]
            else:
                parent_of(value, path)[path[-1]] = new
            yield json.dumps(value).encode()


def edit(value, numbers, other):
    """Changes one value: another value, one of another fixture, a new name, a duplicate key, or removal."""
    path = numbers.choice(list(paths_in(value))[1:])
    parent, name = parent_of(value, path), path[-1]
    match numbers.randrange(8):
        case 0:
            del parent[name]
        case 1:
            parent[name] = numbers.choice(NUMBERS)
        case 2 | 3:
            parent[name] = numbers.choice(TEXTS)
        case 4:
            parent[name] = copy.deepcopy(numbers.choice(OTHERS))
        case 5 if isinstance(parent, dict):
            key = numbers.choice(list(other))
            parent[key] = copy.deepcopy(other[key])
        case 6 if isinstance(parent, dict):
            parent[numbers.choice(("x", "", "A", "stage", "type", "detail", "worker", "dispatch", "original", "original_base64"))] = parent.pop(name)
        case _:
            inner = parent[name]
            parent[name] = [copy.deepcopy(inner)] * numbers.choice((1, 2, 64, 65)) if not isinstance(inner, list) else inner * numbers.choice((2, 33, 64, 65))


def mutated(fixture, numbers):
    value = copy.deepcopy(FIXTURES[fixture])
    for _ in range(numbers.choice((1, 1, 1, 2, 3))):
        if value:
            edit(value, numbers, FIXTURES[numbers.choice(list(FIXTURES))])
    data = json.dumps(value, ensure_ascii=numbers.random() < 0.5).encode()
    if numbers.random() < 0.2:  # change bytes as well
        data = bytearray(data)
        for _ in range(numbers.randrange(1, 4)):
            at = numbers.randrange(len(data))
            data[at:at + numbers.randrange(3)] = bytes(numbers.choice((numbers.randrange(256), *b'"{}[],:0-.eE\\u ')) for _ in range(numbers.randrange(3)))
    return bytes(data)


# --- tests

def test_document_is_valid_asyncapi():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from asyncapi3 import AsyncAPI3
    AsyncAPI3.model_validate(DOCUMENT)
    Validator.check_schema({"definitions": DOCUMENT["components"]["schemas"]})
    references = re.findall(r"\$ref: '([^']+)'", (ROOT / "docs/asyncapi.yaml").read_text())
    assert all(resolve(reference) for reference in references)
    used = set(references)
    for section in ("messages", "schemas"):
        assert {f"#/components/{section}/{name}" for name in DOCUMENT["components"][section]} <= used, "every definition is used"


def test_the_example_in_its_description_is_a_request():
    example = next(line for line in DOCUMENT["info"]["description"].splitlines() if line.strip().startswith("{")).strip().encode()
    assert problem("request", example) == "" and verdicts("request", [example]) == [""]


@pytest.mark.parametrize("fixture", FIXTURES)
def test_fixtures_fit(fixture):
    kind, data = kind_of(fixture), json.dumps(FIXTURES[fixture]).encode()
    assert problem(kind, data) == "" and verdicts(kind, [data]) == [""]
    assert sum(validator_of(message["payload"]["$ref"]).is_valid(FIXTURES[fixture]) for message in messages_of(CHANNELS[kind])) == 1, "it is one message"


@pytest.mark.parametrize("kind", CHANNELS)
def test_schemas_and_program_agree(kind):
    numbers = random.Random(kind)
    fixtures = [fixture for fixture in FIXTURES if kind_of(fixture) == kind]
    texts = [text for fixture in fixtures for text in each_changed(fixture)]
    texts = numbers.sample(texts, min(len(texts), MUTATIONS // 2))
    texts += [mutated(numbers.choice(fixtures), numbers) for _ in range(MUTATIONS // len(CHANNELS))]
    refused = 0
    for text, program in zip(texts, verdicts(kind, texts)):
        document = problem(kind, text)
        refused += bool(program)
        assert bool(document) == bool(program), f"document: {document or 'takes it'}\nprogram: {program or 'takes it'}\n{text[:2000]!r}"
    print(f"{kind}: {len(texts)} mutations, {refused} refused by both, {len(texts) - refused} taken by both")
    assert 0.1 < refused / len(texts) < 0.98


def test_real_messages_match_schemas(service, api, kafka):
    """Real messages with keys and headers, including requests of another program."""
    service.processes["worker"].stop()
    service.start("worker", P2P_FLAT_MS=6000)
    api.send_text("a cat", chat=8000)
    message = api.wait_text("Drawing", 8000)
    api.send_text("a dog", chat=8001)
    api.press(message, "Cancel")
    api.wait_text("Cancelled", 8000)
    api.wait_picture(8001)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    kafka.produce("prompt2pic.requests.flat", json.dumps({"schema_version": 1, "id": "order-1", "time": "2026-11-24T12:34:56Z", "model": "flat", "prompt": "x", "seed": 1}).encode(),
                  key="order-1", headers=[("traceparent", trace.encode())])
    kafka.produce("prompt2pic.requests.flat", b'{"schema_version": 2}', key="order-2")
    wait_for(lambda: {"order-1", "order-2"} <= {key for key, value, *_ in kafka.read("prompt2pic.events") if value["type"] in ("finished", "failed")}, 30, "both end")
    seen = set()
    for kind, topic in {"request": "prompt2pic.requests.flat", "event": "prompt2pic.events", "control": "prompt2pic.control", "dead_letter": "prompt2pic.dead-letters", "model": "prompt2pic.models"}.items():
        for key, value, headers, partition in kafka.read(topic):
            if kind == "request" and (isinstance(value, bytes) or "prompt" not in value):
                continue  # dead letters
            PAYLOADS[kind].validate(value)
            headers = {name: text.decode() for name, text in headers.items()}
            HEADERS[kind].validate(headers)
            assert key == value["id"]
            if key != "order-1" or kind != "request":
                assert set(headers) == ({"type"} if kind == "model" else {"traceparent", "type"})
            if key == "order-1":
                assert headers["traceparent"].split("-")[1] == trace.split("-")[1]
            seen.add(headers.get("type", kind))
    assert seen >= {"request", "accepted", "started", "progress", "finished", "failed", "cancelled", "cancel", "dead_letter"}
