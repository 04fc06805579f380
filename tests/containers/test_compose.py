"""The whole service by compose.yaml, through podman-compose: a bot, two workers with the bundled model, Kafka, MinIO."""

import base64
import json
import os
import pathlib
import signal
import time
import urllib.request

import pytest
from podman import IMAGE, Compose, build_parts, inspect, podman
from infra import ROOT, fetch, free_port, run, wait_for

PROJECT = f"prompt2pic-test-{os.getpid()}"
TOKEN, SECRET, KEY = "123456:TEST-token-of-the-containers", "secret-of-the-containers-123", "key-of-the-containers-0123456789"


class Telegram:
    """The strict Bot API server in a container of its own, on the network that the bot has to the outside."""

    def __init__(self):
        self.url = f"http://127.0.0.1:{free_port()}"

    def start(self):
        podman("network", "create", PROJECT)
        podman("run", "-d", "--name", f"{PROJECT}-telegram", "--network", PROJECT, "--network-alias", "telegram", "-p", f"{self.url[7:]}:8081", f"{IMAGE}-telegram",
               "--host", "0.0.0.0", "--port", "8081", "--token", TOKEN)
        wait_for(lambda: fetch(self.url + "/control/messages")[0] == 200, 20, "the Bot API server answers")

    def stop(self):
        podman("rm", "-f", f"{PROJECT}-telegram")
        podman("network", "rm", "-f", PROJECT)

    def get(self, what):
        return json.loads(fetch(f"{self.url}/control/{what}")[1])

    def post(self, what, **body):
        request = urllib.request.Request(f"{self.url}/control/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request, timeout=10))

    def messages(self, chat):
        return [message for message in self.get("messages") if message["chat"] == chat]

    def wait_picture(self, chat, timeout):
        """The status message, when it has become the picture."""
        return wait_for(lambda: next((m for m in self.messages(chat) if m["media"] == "photo" and m["data"] > 1000), None), timeout, f"a picture in {chat}: {self.messages(chat)}")


@pytest.fixture(scope="module")
def telegram(image):
    build_parts()
    server = Telegram()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def compose(telegram, tmp_path_factory):
    stack = Compose(tmp_path_factory.mktemp("compose"), PROJECT, {"telegram_token": TOKEN + "\n", "s3_secret_key": SECRET + "\n"}, P2P_IMAGE=IMAGE, KAFKA_IMAGE=f"{IMAGE}-kafka",
                    MINIO_IMAGE=f"{IMAGE}-minio", MODELS=ROOT / "models", TEST_NETWORK=PROJECT, WORKERS=2, P2P_ADMINS="7")
    try:
        start = time.monotonic()
        stack("up", "-d", "--no-build")
        wait_healthy(stack)
        print(f"\nup in {time.monotonic() - start:.0f} s")
        yield stack
    finally:
        (ROOT / "build/containers/compose.log").write_text(stack.logs())
        stack("down", "--volumes")
    assert stack.containers() == []


def healthy(name):
    return os.system(f"podman exec {name} prompt2pic health >/dev/null 2>&1") == 0


def wait_healthy(stack):
    assert len(stack.containers()) == 5, stack.containers()
    for name in stack.containers("bot") + stack.containers("worker"):
        wait_for(lambda each=name: healthy(each), 60, f"{name} is healthy")


def fetch_bytes(url, host):
    return urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=10).read()


def processor_ticks(container):
    """What its first process has used."""
    fields = pathlib.Path(f"/proc/{inspect(container)['State']['Pid']}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def busy(containers):
    """Which of them computes, if one does."""
    before = {name: processor_ticks(name) for name in containers}
    time.sleep(0.5)
    return next((name for name in containers if processor_ticks(name) - before[name] > 15), None)


def test_containers_are_locked(compose):
    for name in compose.containers():
        config = inspect(name)
        host = config["HostConfig"]
        assert config["EffectiveCaps"] in (None, []), name
        assert "no-new-privileges" in " ".join(host["SecurityOpt"]), name
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
        assert not any(host["PortBindings"].values()), f"{name} is reachable from outside"
        if "bot" in name or "worker" in name:
            assert host["ReadonlyRootfs"] and config["Config"]["User"] == "65534:65534", name
    assert podman("network", "inspect", f"{PROJECT}_inside", "--format", "{{.Internal}}").strip() == "true"


def test_draws_in_two_languages(compose, telegram):
    for chat, language, words in ((1, "en", "a fox"), (2, "ru", "лиса")):
        start = time.monotonic()
        telegram.post("text", text=words, chat=chat, language=language)
        message = telegram.wait_picture(chat, 120)
        assert words in message["caption"] and "128×128" in message["caption"]
        wait_for(lambda each=chat: [m for m in telegram.messages(each) if m["media"] == "document"], 10, "the original, as nobody outside reaches a link")
        print(f"\n{words}: a picture of {message['data']} bytes after {time.monotonic() - start:.1f} s")


def test_state_outlives_down_and_up_and_links_work(compose, telegram):
    start = time.monotonic()
    compose("down")
    print(f"\ndown in {time.monotonic() - start:.0f} s")
    assert compose.containers() == []
    port = free_port()
    compose.files.append("compose.links.yaml")
    compose.env.update(MINIO_PORT=f"127.0.0.1:{port}", P2P_S3_PUBLIC_ENDPOINT="https://pictures.example.org")
    compose.env["TEST_STEPS"] = 1000  # long enough for the next test to hit a drawing
    compose("up", "-d", "--no-build")
    wait_healthy(compose)
    first, before = telegram.wait_picture(1, 1), len(telegram.messages(1))
    telegram.post("press", message=first["id"], label="Again")
    again = wait_for(lambda: next((m for m in telegram.messages(1)[before:] if m["media"] == "photo"), None), 120, "again")
    assert again["reply_to"] == first["id"]
    assert "a fox" in again["caption"]
    link = next(button["url"] for row in again["keyboard"] for button in row if "url" in button)
    path = link.removeprefix("https://pictures.example.org")
    assert path != link
    assert fetch_bytes(f"http://127.0.0.1:{port}{path}", "pictures.example.org").startswith(b"\x89PNG"), "the link, as a proxy hands it on"
    assert fetch(f"http://127.0.0.1:{port}{path.split('?')[0]}")[0] == 403, "no picture without a signature"


def test_a_killed_worker_loses_nothing(compose, telegram):
    telegram.post("text", text="an owl", chat=3)
    workers = compose.containers("worker")
    worker = wait_for(lambda: busy(workers), 60, "the drawing begins")
    os.kill(inspect(worker)["State"]["Pid"], signal.SIGKILL)
    start = time.monotonic()
    assert not telegram.messages(3)[0]["media"], "it was killed while it drew"
    telegram.wait_picture(3, 120)
    print(f"\nanswered {time.monotonic() - start:.1f} s after the kill")
    wait_for(lambda: len(compose.containers("worker")) == 2 and healthy(worker), 60, f"{worker} is up again")
    assert len([m for m in telegram.messages(3) if m["media"] == "photo"]) == 1


def test_the_api_stands_beside_the_bot(compose):
    port = free_port()
    (compose.folder / "secrets/api_keys").write_text(KEY + "\n")
    compose.files.append("compose.api.yaml")
    compose.env["API_PORT"] = f"127.0.0.1:{port}"
    compose("up", "-d", "--no-build")
    name, = compose.containers("api")
    wait_for(lambda: healthy(name), 60, "the API is healthy")
    config = inspect(name)
    assert config["EffectiveCaps"] in (None, []) and config["HostConfig"]["ReadonlyRootfs"] and config["Config"]["User"] == "65534:65534"
    url, body, kind = f"http://127.0.0.1:{port}/v1/images/generations", json.dumps({"prompt": "a fox", "response_format": "b64_json"}).encode(), {"Content-Type": "application/json"}
    assert fetch(url, body, **kind)[0] == 401
    wait_for(lambda: fetch(f"http://127.0.0.1:{port}/readyz")[0] == 200, 60, "the API is ready")
    request = urllib.request.Request(url, body, {**kind, "Authorization": f"Bearer {KEY}"})
    picture = json.load(urllib.request.urlopen(request, timeout=130))["data"][0]
    assert base64.b64decode(picture["b64_json"]).startswith(b"\x89PNG") and picture["width"] == 128


def test_no_secret_is_told(compose, telegram):
    logs = compose.logs()
    assert "working" in logs and '"level":"debug"' in logs
    told = logs + "".join(json.dumps([inspect(name)["Config"][part] for part in ("Env", "Cmd", "Labels")]) for name in compose.containers())
    for secret in (TOKEN.split(":")[1], SECRET, KEY):
        assert secret not in told
    assert telegram.get("violations") == []
