"""A client of the HTTP API that checks every response against docs/openapi.yaml."""

import http.client
import json
import re

import jsonschema
import yaml

from infra import ROOT, wait_for

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
    """Checks that docs/openapi.yaml describes the response."""
    if method == "OPTIONS" or status == 421:
        return
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
    """Calls the API of a process. Returns (status, headers, body), the body parsed if it is JSON."""

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

    def call_raw(self, method, path, **headers):
        """Without a check against the document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service.ports[self.name], timeout=60)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), data

    def ask(self, prompt="a fox", prefer="respond-async", headers=None, **body):
        return self.call("POST", "/v1/images/generations", {"prompt": prompt, **body}, Prefer=prefer, **(headers or {}))

    def submit(self, key):
        """Asks until a door answers, as clients do; with an Idempotency-Key, so that a request whose answer was lost is not made twice. Returns its id."""
        def accepted():
            try:
                status, _, body = self.ask(headers={"Idempotency-Key": key})
            except OSError:
                return None
            assert status in (202, 429, 503), (status, body)
            return body["id"] if status == 202 else None
        return wait_for(accepted, 60, "a request is accepted")

    def status(self, id):
        status, headers, body = self.call("GET", f"/v1/requests/{id}")
        assert status == 200, body
        return body

    def settled(self, id, timeout=30):
        return wait_for(lambda: (body := self.status(id))["status"] in TERMINAL and body, timeout, f"{id} is settled")


def ends(kafka):
    """By id, the types of the events that end it."""
    result = {}
    for key, value, headers, partition in kafka.read("prompt2pic.events"):
        if value["type"] in TERMINAL:
            result.setdefault(key, []).append(value["type"])
    return result


def accepted(kafka):
    return {key for key, value, headers, partition in kafka.read("prompt2pic.events") if value["type"] == "accepted"}
