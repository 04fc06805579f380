"""The commands of the READMEs and guides, run as they are written; only addresses, ports and secret files are those of the test."""

import json
import os
import re
import shlex
import subprocess
import time

import pytest

from infra import BINARY, ROOT, Process, fetch, free_port, wait_for
from servers import Minio

FOLDERS = {"": ("README",), "docs/": ("operations", "going-live"), "deploy/helm/prompt2pic/": ("README",)}
PAIRS = [(f"{folder}{name}.md", f"{folder}{name}.ru.md") for folder, names in FOLDERS.items() for name in names]
ELSEWHERE = {  # by file and heading: where these commands run
    ("README.md", "Start"): "./test newcomer-short; the last two remove everything",
    ("README.md", "A bot of your own"): "./test containers",
    ("README.md", "Models"): "needs weights that are downloaded",
    ("README.md", "The engine in your program"): "./test engine-only",
    ("docs/operations.md", "One machine, in containers"): "./test containers",
    ("docs/operations.md", "Migrating from MinIO"): "needs public images",
    ("docs/operations.md", "Backups"): "./test containers",
    ("docs/operations.md", "Restoring"): "./test containers",
    ("deploy/helm/prompt2pic/README.md", "Try it"): "./test deploy",
    ("deploy/helm/prompt2pic/README.md", "Install"): "./test deploy",
}
NEEDS_A_DOWNLOAD = ("sd-turbo",)


def blocks(file):
    """By heading, the commands of its blocks, without comments."""
    text, found = (ROOT / file).read_text(), {}
    for block in re.finditer(r"```sh\n(.*?)```", text, re.S):
        heading = re.findall(r"^#+ (.*)$", text[:block.start()], re.M)[-1]
        found.setdefault(heading, []).extend(re.sub(r"\s+# .*$", "", line).strip() for line in block[1].replace("\\\n", "").splitlines() if line.strip())
    return found


def test_the_russian_guides_have_the_same_commands():
    for english, russian in PAIRS:
        def neutral(line):  # what a reader would write in his language
            return re.sub(r'"prompt": "[^"]*"|YOUR_ID|ВАШ_ID', "", re.sub(r"\s+", " ", line))
        assert [neutral(line) for lines in blocks(russian).values() for line in lines] == [neutral(line) for lines in blocks(english).values() for line in lines], russian


def test_every_command_is_accounted_for():
    here = {("README.md", "An API of your own"), ("README.md", "The command line"), ("docs/operations.md", "Without containers"), ("docs/going-live.md", "Going live")}
    assert {(english, heading) for english, _ in PAIRS for heading in blocks(english)} == here | set(ELSEWHERE)


def anchors(file):
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", file.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower()).replace(" ", "-") for heading in headings}


def test_links_between_documents_lead_somewhere():
    documents = [ROOT / name for name in subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()]
    broken, checked = [], 0
    for document in documents:
        for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", document.read_text(), flags=re.S)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (document.parent / path).resolve() if path else document
            checked += 1
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{document.relative_to(ROOT)}: {link}")
    assert broken == [] and checked > 100


def shell(lines, folder, **env):
    script = "shopt -s expand_aliases\nset -e\n" + "\n".join(lines)
    result = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}", **env})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def start(tmp_path):
    """Starts a command line of the guide that ends in a service, in the background."""
    running = []

    def make(line, health, **env):
        words = shlex.split(line.removesuffix("&"))
        settings = dict(word.split("=", 1) for word in words if word.startswith("P2P_"))
        command = [BINARY, *words[words.index("prompt2pic") + 1:]]
        running.append(Process(command[1], tmp_path, command, {**env, **settings, "P2P_HEALTH_LISTEN": f"127.0.0.1:{health}"}).start())
        wait_for(lambda: fetch(f"http://127.0.0.1:{health}/readyz")[0] == 200, 40, f"{line} is ready: {running[-1].text()[-2000:]}")
    yield make
    for process in running:
        process.stop()


def test_the_command_line(tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build/release").symlink_to(BINARY.parent)
    lines = [line for line in blocks("README.md")["The command line"] if not any(word in line for word in NEEDS_A_DOWNLOAD)]
    assert len(lines) >= 7
    output = shell(lines, tmp_path, P2P_CACHE_DIR=str(tmp_path / "cache"))
    assert (tmp_path / "owl.png").read_bytes().startswith(b"\x89PNG") and len(list(tmp_path.glob("*.png"))) == 7 and (tmp_path / "out-002.webp").exists()
    assert "emoji" in output and "P2P_KAFKA_BROKERS" in output


def test_an_api_of_your_own(kafka, tmp_path, start):
    port = free_port()
    *services, call = [line.replace("localhost:9092", kafka.brokers).replace(":8080", f":{port}") for line in blocks("README.md")["An API of your own"]]
    for line in services:
        start(line, free_port(), P2P_DATA_DIR=str(tmp_path / "data"), P2P_HTTP_LISTEN=f"127.0.0.1:{port}" if line.endswith("api &") else f"127.0.0.1:{free_port()}")
    image = json.loads(shell([call], tmp_path))["data"][0]
    assert image["seed"] == 7 and fetch(image["url"])[1].startswith("\x89PNG")


def test_without_containers(kafka, minio, api, tmp_path, start):
    ports, secrets = {name: free_port() for name in ("api", "bot", "worker")}, tmp_path / "secrets"
    secrets.mkdir()
    for name, secret in (("s3", Minio.SECRET), ("telegram", api.token), ("api_keys", "k" * 24)):
        (secrets / name).write_text(secret + "\n")
    changes = {"localhost:9092": kafka.brokers, "https://s3.example.org": minio.url, "P2P_S3_ACCESS_KEY=...": f"P2P_S3_ACCESS_KEY={Minio.ACCESS}", "/run/secrets": str(secrets),
               "0.0.0.0:8080": f"0.0.0.0:{ports['api']}"}
    lines = blocks("docs/operations.md")["Without containers"]
    for old, new in changes.items():
        assert any(old in line for line in lines), old
        lines = [line.replace(old, new) for line in lines]
    exports = [line for line in lines if line.startswith("export ")]
    env = {word.split("=", 1)[0]: word.split("=", 1)[1] for line in exports for word in shlex.split(line)[1:]}
    env |= {"P2P_DATA_DIR": str(tmp_path / "data"), "P2P_TELEGRAM_API_URL": api.url}
    services = [line for line in lines if re.search(r"prompt2pic (worker|bot|api)$", line)]
    assert len(services) == 3
    for line in services:
        name = line.split()[-1]
        start(line, free_port(), **env, **({} if name == "api" else {"P2P_HTTP_LISTEN": f"127.0.0.1:{ports[name]}"}))
    api.send_text("a red apple", chat=8000)
    api.wait_picture(8000, timeout=60)
    [check] = [line for line in lines if line.endswith("doctor")]
    telegram = {"P2P_TELEGRAM_TOKEN_FILE": str(secrets / "telegram"), **env}
    assert "FAILED" not in shell([check], tmp_path, **telegram)
    [live] = blocks("docs/going-live.md")["Going live"]
    started = time.monotonic()
    output = shell([live.replace("YOUR_ID", "8000")], tmp_path, **telegram)
    print(f"the last check took {time.monotonic() - started:.1f} s")
    assert "picture: ok: a picture was sent to the chat 8000" in output and "FAILED" not in output
