"""The whole service of compose.yaml with podman-compose: a bot, two workers with the bundled model, Kafka, storage."""

import base64
import concurrent.futures
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import time
import urllib.request

import pytest
import yaml
from podman import IMAGE, Compose, inspect, podman
from infra import ROOT, fetch, free_port, wait_for
from s3 import S3, send
from stack import TOKEN, Telegram, assert_locked, busy, healthy, processes, wait_healthy

PROJECT = f"prompt2pic-test-{secrets.token_hex(4)}"
KEY = "key-of-the-containers-0123456789"
SECRETS = {"prompt2pic": 'secret-of-the-bot-"1\\2"', "prompt2pic-worker": "secret-of-the-workers-123", "prompt2pic-api": "secret-of-the-api-123"}  # by account of the storage


@pytest.fixture(scope="module")
def telegram(parts):
    server = Telegram(PROJECT)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def compose(telegram, tmp_path_factory):
    files = {"telegram_token": TOKEN, "s3_secret_key": SECRETS["prompt2pic"], "s3_secret_key_worker": SECRETS["prompt2pic-worker"]}
    stack = Compose(tmp_path_factory.mktemp("compose"), PROJECT, {name: text + "\n" for name, text in files.items()}, TEST_NETWORK=PROJECT, WORKERS=2, P2P_ADMINS="7")
    try:
        start = time.monotonic()
        stack("up", "-d", "--no-build")
        wait_healthy(stack)
        wait_for(lambda: not os.system(f"podman healthcheck run {PROJECT}_kafka_1 >/dev/null 2>&1"), 60, "Kafka is healthy")
        print(f"\nup in {time.monotonic() - start:.0f} s")
        yield stack
    finally:
        (ROOT / "build/containers/compose.log").write_text(stack.logs())
        stack("down", "--volumes")
    assert stack.containers() == []


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


def test_every_service_is_limited():
    files = [yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("compose*.yaml"))]
    for name, service in [item for file in files for item in file["services"].items() if "image" in item[1]]:
        assert service["ulimits"] == {"core": 0}, name
        assert service["logging"]["driver"] == "json-file" and set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert service["mem_limit"] and service["pids_limit"] and service["read_only"] and service["cap_drop"] == ["ALL"] and service["restart"], name
        if service["restart"] != "no":
            assert "healthcheck" in service or service["image"].startswith("${P2P_IMAGE"), f"{name}; the image of prompt2pic has one"


def test_containers_are_locked(compose):
    for name in compose.containers():
        assert_locked(name, own_user="kafka" in name)
        assert not any(inspect(name)["HostConfig"]["PortBindings"].values()), f"{name} is reachable from outside"
        podman("healthcheck", "run", name)
    assert (compose.folder / "secrets").stat().st_mode & 0o777 == 0o700
    once = inspect(f"{PROJECT}_storage-volume_1")
    assert once["State"]["Status"] == "exited" and once["State"]["ExitCode"] == 0 and once["HostConfig"]["NetworkMode"] == "none" and once["BoundingCaps"] == ["CAP_CHOWN"], once
    for network in ("queue", "pictures"):
        assert podman("network", "inspect", f"{PROJECT}_{network}", "--format", "{{.Internal}}").strip() == "true"
    networks = {part: set(inspect(f"{PROJECT}_{part}_1")["NetworkSettings"]["Networks"]) for part in ("kafka", "storage")}
    assert networks == {"kafka": {f"{PROJECT}_queue"}, "storage": {f"{PROJECT}_pictures"}}
    kafka = inspect(f"{PROJECT}_kafka_1")["NetworkSettings"]["Networks"][f"{PROJECT}_queue"]["IPAddress"]
    assert os.system(f"podman exec {PROJECT}_storage_1 nc -w 3 {kafka} 9092 </dev/null >/dev/null 2>&1") != 0, "the storage does not reach Kafka"


def doctor(**settings):
    """What `prompt2pic doctor` says about Kafka with these settings."""
    words = [word for name, value in {"BROKERS": "kafka:9092", **settings}.items() for word in ("-e", f"P2P_KAFKA_{name}={value}")]
    command = ["podman", "run", "--rm", "--network", f"{PROJECT}_queue", *words, IMAGE, "doctor"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return next(line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Kafka: "))


def test_kafka_wants_the_password_of_a_service(compose):
    worker = {"SECURITY_PROTOCOL": "sasl_plaintext", "SASL_MECHANISM": "PLAIN", "USERNAME": "worker", "PASSWORD": (compose.folder / "secrets/kafka_password_worker").read_text().strip()}
    assert "1 brokers answer; 2 workers" in doctor(**worker)
    for wrong in ({"PASSWORD": "wrong"}, {"USERNAME": "bot"}, {"USERNAME": "nobody"}):
        assert "FAILED" in (said := doctor(**worker | wrong)) and "uthentication" in said, said
    assert "FAILED" in doctor(SECURITY_PROTOCOL="plaintext")


def kafka_tool(name, *arguments, user=None, password="", stdin=""):
    """Runs a tool in Kafka's container: as the administrator, or as a user."""
    kafka = f"{PROJECT}_kafka_1"
    words = ["--bootstrap-server", "localhost:9094"]
    if user:
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="{password}";'
        settings = f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={login}\nenable.idempotence=true\n"
        subprocess.run(["podman", "exec", "-i", kafka, "sh", "-c", f"cat >/tmp/{user}.properties"], input=settings, text=True, check=True)
        words = ["--bootstrap-server", "kafka:9092", "--command-config", f"/tmp/{user}.properties"]
    java = ["java", "-Xmx64m", "-cp", "/opt/kafka/libs/*", "-Dlog4j2.configurationFile=/tmp/log4j2.properties"]
    done = subprocess.run(["podman", "exec", "-i", kafka, *java, f"org.apache.kafka.tools.{name}", *words, *arguments], input=stdin, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def test_kafka_users_have_least_privilege(compose):
    doors = {"events": "Read Write Create Describe", "control": "Read Write Create Describe", "dead-letters": "Create Describe", "models": "Read Create Describe",
             "requests.": "Read Write", "dispatch": "Read", "workers": "Describe"}
    worker = {"events": "Read Write Create Describe", "control": "Read Create Describe", "dead-letters": "Write Create Describe", "models": "Write Create Describe",
              "requests.": "Read Create Alter", "workers": "Read"}
    wanted = {(user, f"prompt2pic.{name}", operation.upper()) for user, rights in (("bot", doors), ("api", doors), ("worker", worker))
              for name, operations in rights.items() for operation in operations.split()}
    granted, resource = set(), ""
    for line in kafka_tool("AclCommand", "--list").splitlines():
        if found := re.search("resourceType=(?:TOPIC|GROUP), name=(.*), patternType=PREFIXED", line):
            resource = found[1]
        elif found := re.search("principal=User:(.*), host=\\*, operation=(.*), permissionType=ALLOW", line):
            granted.add((found[1], resource, found[2]))
    assert granted == wanted
    for user, secret in (("worker", "kafka_password_worker"), ("bot", "kafka_password")):
        password = (compose.folder / "secrets" / secret).read_text().strip()
        topics = kafka_tool("TopicCommand", "--list", user=user, password=password)
        assert "prompt2pic.requests.emoji" in topics and "__consumer_offsets" not in topics, topics
        assert "AuthorizationException" in kafka_tool("TopicCommand", "--delete", "--topic", "prompt2pic.events", user=user, password=password)
    forged = kafka_tool("ConsoleProducer", "--topic", "prompt2pic.requests.emoji", user="worker", password=(compose.folder / "secrets/kafka_password_worker").read_text().strip(), stdin="{}\n")
    assert "TopicAuthorizationException" in forged, "a worker sends no requests"


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
    worker = storage("prompt2pic-worker")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        put = pool.map(lambda number: worker("PUT", f"/pictures/images/2020/01/{number % 28 + 1:02}/{number:08}-1.png", b"an old picture")[0], range(1100))
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
    workers = processes(compose.containers("worker"))
    telegram.post("text", text="an owl", chat=3)
    worker = wait_for(lambda: busy(workers), 60, "the drawing begins")
    os.kill(workers[worker], signal.SIGKILL)
    start = time.monotonic()
    assert not telegram.messages(3)[0]["media"], "it was killed while it drew"
    telegram.wait_picture(3, 120)
    print(f"\nanswered {time.monotonic() - start:.1f} s after the kill")
    wait_for(lambda: len(compose.containers("worker")) == 2 and healthy(worker), 60, f"{worker} is up again")
    assert len([m for m in telegram.messages(3) if m["media"] == "photo"]) == 1


def test_api_runs_beside_the_bot(compose):
    port = free_port()
    compose.secret("api_keys", KEY + "\n")
    compose.secret("s3_secret_key_api", SECRETS["prompt2pic-api"] + "\n")
    compose.files.append("compose.api.yaml")
    compose.env["API_PORT"] = f"127.0.0.1:{port}"
    compose("up", "-d", "--no-build")
    name, = compose.containers("api")
    wait_for(lambda: healthy(name), 60, "the API is healthy")
    assert_locked(name)
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
    commands = [path.read_bytes() for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    running = b"\n".join(command for command in commands if b"--token" not in command)  # without the Bot API server of the tests
    assert b"prompt2pic\0worker" in running, "the containers' processes are among them"
    stored = b"".join(path.read_bytes() for path in storage_folder().rglob("*") if path.is_file())
    passwords = [(compose.folder / f"secrets/kafka_password{of}").read_text().strip() for of in ("", "_worker", "_api")]
    for secret in (TOKEN.split(":")[1], KEY, *SECRETS.values(), *passwords):
        for form in (secret, json.dumps(secret)[1:-1]):
            assert form not in visible and form.encode() not in stored and form.encode() not in running
    assert telegram.get("violations") == []
