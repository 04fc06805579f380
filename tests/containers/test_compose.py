"""The whole service of compose.yaml with podman-compose: a bot, two workers with the bundled model, Kafka, storage."""

import base64
import concurrent.futures
import json
import os
import pathlib
import re
import secrets
import signal
import time
import urllib.request

import pytest
import yaml
from podman import IMAGE, Compose, build_parts, inspect, podman
from infra import ROOT, fetch, free_port, wait_for
from s3 import S3, send

PROJECT = f"prompt2pic-test-{secrets.token_hex(4)}"
TOKEN, KEY = "123456:TEST-token-of-the-containers", "key-of-the-containers-0123456789"
SECRETS = {"prompt2pic": 'secret-of-the-bot-"1\\2"', "prompt2pic-worker": "secret-of-the-workers-123", "prompt2pic-api": "secret-of-the-api-123"}  # by account of the storage


class Telegram:
    """The strict Bot API server in its own container, on the bot's outside network."""

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
        """Waits until the status message has become the picture, and returns it."""
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
    files = {"telegram_token": TOKEN, "s3_secret_key": SECRETS["prompt2pic"], "s3_secret_key_worker": SECRETS["prompt2pic-worker"]}
    stack = Compose(tmp_path_factory.mktemp("compose"), PROJECT, {name: text + "\n" for name, text in files.items()}, P2P_IMAGE=IMAGE, KAFKA_IMAGE=f"{IMAGE}-kafka",
                    STORAGE_IMAGE=f"{IMAGE}-storage", MODELS=ROOT / "models", TEST_NETWORK=PROJECT, WORKERS=2, P2P_ADMINS="7")
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
    wait_for(lambda: len(stack.containers()) == 5, 20, f"five containers run: {stack.containers()}")
    for name in stack.containers("bot") + stack.containers("worker"):
        wait_for(lambda each=name: healthy(each), 60, f"{name} is healthy")


def storage(account):
    """The storage with this account, accessed from the host, which can reach the internal network."""
    name = inspect(f"{PROJECT}_storage_1")["NetworkSettings"]["Networks"][f"{PROJECT}_pictures"]["IPAddress"]
    return S3(f"http://{name}:9000", account, SECRETS[account])


def storage_folder():
    return pathlib.Path(inspect(f"{PROJECT}_storage-data")["Mountpoint"])


def pictures():
    """The keys of all pictures, listed page by page with the bot's account."""
    keys, query = [], {"list-type": "2", "prefix": "images/"}
    while True:
        page = storage("prompt2pic")("GET", "/pictures", **query)[1].decode()
        keys += re.findall("<Key>(images/[0-9].*?)</Key>", page)
        more = re.search("<NextContinuationToken>(.*?)<", page)
        if not more:
            return keys
        query["continuation-token"] = more[1]


def processor_ticks(container):
    """CPU time of the container's first process."""
    fields = pathlib.Path(f"/proc/{inspect(container)['State']['Pid']}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def busy(containers):
    """The container that is computing, if any."""
    before = {name: processor_ticks(name) for name in containers}
    time.sleep(0.5)
    return next((name for name in containers if processor_ticks(name) - before[name] > 15), None)


def test_no_service_fills_the_disk_or_dumps_its_memory():
    files = [yaml.safe_load((ROOT / name).read_text()) for name in ("compose.yaml", "compose.api.yaml")]
    for name, service in [item for file in files for item in file["services"].items() if "image" in item[1]]:
        assert service["ulimits"] == {"core": 0}, name
        assert service["logging"]["driver"] == "json-file" and set(service["logging"]["options"]) == {"max-size", "max-file"}, name


def test_containers_are_locked(compose):
    for name in compose.containers():
        config = inspect(name)
        host = config["HostConfig"]
        assert config["EffectiveCaps"] in (None, []), name
        assert "no-new-privileges" in " ".join(host["SecurityOpt"]), name
        assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
        assert not any(host["PortBindings"].values()), f"{name} is reachable from outside"
        if "kafka" not in name:
            assert host["ReadonlyRootfs"] and config["Config"]["User"] == "65534:65534", name
    once = inspect(f"{PROJECT}_storage-volume_1")
    assert once["State"]["Status"] == "exited" and once["State"]["ExitCode"] == 0 and once["HostConfig"]["NetworkMode"] == "none" and once["BoundingCaps"] == ["CAP_CHOWN"], once
    for network in ("queue", "pictures"):
        assert podman("network", "inspect", f"{PROJECT}_{network}", "--format", "{{.Internal}}").strip() == "true"
    networks = {part: set(inspect(f"{PROJECT}_{part}_1")["NetworkSettings"]["Networks"]) for part in ("kafka", "storage")}
    assert networks == {"kafka": {f"{PROJECT}_queue"}, "storage": {f"{PROJECT}_pictures"}}
    kafka = inspect(f"{PROJECT}_kafka_1")["NetworkSettings"]["Networks"][f"{PROJECT}_queue"]["IPAddress"]
    assert os.system(f"podman exec {PROJECT}_storage_1 nc -w 3 {kafka} 9092 </dev/null >/dev/null 2>&1") != 0, "the storage does not reach Kafka"


def test_draws_in_two_languages(compose, telegram):
    for chat, language, words in ((1, "en", "a fox"), (2, "ru", "лиса")):
        start = time.monotonic()
        telegram.post("text", text=words, chat=chat, language=language)
        message = telegram.wait_picture(chat, 120)
        assert words in message["caption"] and "128×128" in message["caption"]
        wait_for(lambda each=chat: [m for m in telegram.messages(each) if m["media"] == "document"], 10, "the original, as nobody outside reaches a link")
        print(f"\n{words}: a picture of {message['data']} bytes after {time.monotonic() - start:.1f} s")


def test_state_outlives_down_and_up_and_links_work(compose, telegram):
    drawn = set(pictures())
    assert len(drawn) == 2
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        put = pool.map(lambda number: storage("prompt2pic-worker")("PUT", f"/pictures/images/2020/01/{number % 28 + 1:02}/{number:08}-1.png", b"an old picture")[0], range(1100))
        assert set(put) == {200}
    assert len(pictures()) == 1102
    start = time.monotonic()
    compose("down")
    print(f"\ndown in {time.monotonic() - start:.0f} s")
    assert compose.containers() == []
    os.chown(storage_folder(), 0, 0)  # as in a new Docker volume, or after a restore from a backup
    port = free_port()
    compose.files.append("compose.links.yaml")
    compose.env.update(STORAGE_PORT=f"127.0.0.1:{port}", P2P_S3_PUBLIC_ENDPOINT="https://pictures.example.org", P2P_KEEP_DAYS="30")
    compose.env["TEST_STEPS"] = 1000  # long enough for the next test to interrupt a drawing
    compose("up", "-d", "--no-build")
    wait_healthy(compose)
    podman("restart", *compose.containers("bot"))  # it deletes at start and then hourly, and the storage may have started later
    wait_for(lambda: set(pictures()) == drawn, 60, "the old pictures are deleted, and no other")
    first, before = telegram.wait_picture(1, 1), len(telegram.messages(1))
    telegram.post("press", message=first["id"], label="Again")
    again = wait_for(lambda: next((m for m in telegram.messages(1)[before:] if m["media"] == "photo"), None), 120, "again")
    assert again["reply_to"] == first["id"]
    assert "a fox" in again["caption"]
    link = next(button["url"] for row in again["keyboard"] for button in row if "url" in button)
    path = link.removeprefix("https://pictures.example.org")
    assert path != link
    url = f"http://127.0.0.1:{port}{path}"
    status, picture = send(url, Host="pictures.example.org")
    assert status == 200 and picture.startswith(b"\x89PNG"), "the link, as a proxy hands it on"
    assert send(url, Host="others.example.org")[0] == 403, "a link is for its host"
    assert send(url.replace("-1.png", "-2.png"), Host="pictures.example.org")[0] == 403 and send(url, "DELETE", Host="pictures.example.org")[0] == 403, "and for its picture"
    assert fetch(url.split("?")[0])[0] == 403, "no picture without a signature"


def test_a_killed_storage_loses_nothing(compose, telegram):
    before = {key: storage("prompt2pic")("GET", f"/pictures/{key}") for key in pictures()}
    assert len(before) == 3
    os.kill(inspect(f"{PROJECT}_storage_1")["State"]["Pid"], signal.SIGKILL)
    start = time.monotonic()
    telegram.post("text", text="a cat", chat=4)
    wait_for(lambda: send(storage("prompt2pic").endpoint + "/health")[0] == 200, 30, "the storage is up again")
    print(f"\nup {time.monotonic() - start:.1f} s after the kill")
    assert {key: storage("prompt2pic")("GET", f"/pictures/{key}") for key in before} == before
    telegram.wait_picture(4, 120)
    assert len([m for m in telegram.messages(4) if m["media"] == "photo"]) == 1


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


def test_api_runs_beside_the_bot(compose):
    port = free_port()
    (compose.folder / "secrets/api_keys").write_text(KEY + "\n")
    (compose.folder / "secrets/s3_secret_key_api").write_text(SECRETS["prompt2pic-api"] + "\n")
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


def test_storage_keys_have_least_privilege(compose):
    """Needs the API's container, because its key was added to the storage by then."""
    podman("exec", f"{PROJECT}_storage_1", "sh", "-c", "mkdir -p /data/objects/others/images && echo secret >/data/objects/others/images/1.png")
    picture, other, doctor = "/pictures/" + pictures()[0], "/others/images/1.png", "/pictures/doctor/1"
    images = (picture, "/pictures/images/2026/01/01/1-1.png", "/pictures/images/health/1")
    photo, preview = "/pictures/inputs/2026/01/01/1.jpeg", "/pictures/previews/2026/01/01/1.png"
    reads = {("GET", path) for path in images}
    may = {
        "prompt2pic": reads | {("GET", "/pictures"), ("DELETE", photo), ("DELETE", preview)} | {("DELETE", path) for path in images},
        "prompt2pic-worker": reads | {("GET", photo), ("PUT", preview), ("DELETE", preview)} | {("PUT", path) for path in images} | {("DELETE", images[-1])},
        "prompt2pic-api": reads | {("PUT", photo), ("GET", preview)},
    }
    kept = storage("prompt2pic-api")("GET", picture)[1]
    for account, allowed in may.items():
        at = storage(account)
        for method, path in [(method, path) for path in (*images, photo, preview, other, "/pictures", "/others") for method in ("PUT", "GET", "DELETE")] + [("PUT", "/new")]:
            status = at(method, path, (kept if path in images else b"") if method == "PUT" else None)[0]
            assert status in (200, 204, 404) if (method, path) in allowed else status == 403, (account, method, path, status)
        for call in (("PUT", "/pictures", b"{}", {"policy": ""}), ("PUT", "/pictures", b"", {"acl": ""}), ("GET", "/pictures", None, {"policy": ""}), ("PUT", "/pictures", b"<x/>", {"versioning": ""})):
            assert at(*call[:3], **call[3])[0] == 403, (account, call)
        assert at("PATCH", "/list-users")[0] == at("PATCH", "/create-user")[0] == 405, "the administrator's calls are not served at all"
        assert b"<Bucket>" not in at("GET", "/")[1]
        assert [at(method, doctor, b"1" if method == "PUT" else None)[0] for method in ("PUT", "GET", "DELETE")] == [200, 200, 204], "prompt2pic doctor"
    for name in (*compose.containers("bot"), *compose.containers("worker"), *compose.containers("api")):
        # Retried, because podman 4's name server does not answer for some seconds after containers have changed.
        wait_for(lambda each=name: "storage: ok: an object was stored, read and deleted" in os.popen(f"podman exec {each} prompt2pic doctor 2>&1").read(), 90, f"prompt2pic doctor in {name}")


def test_no_secret_is_logged(compose, telegram):
    logs = compose.logs()
    assert "working" in logs and '"level":"debug"' in logs
    visible = logs + "".join(json.dumps([inspect(name)["Config"][part] for part in ("Env", "Cmd", "Labels")]) for name in compose.containers())
    stored = b"".join(path.read_bytes() for path in storage_folder().rglob("*") if path.is_file())
    for secret in (TOKEN.split(":")[1], KEY, *SECRETS.values()):
        for form in (secret, json.dumps(secret)[1:-1]):
            assert form not in visible and form.encode() not in stored
    assert telegram.get("violations") == []
