"""Everything in compose that needs no public name: API with page, TLS proxy, webhook, PostgreSQL. Parts are killed, and a backup is restored on an empty machine."""

import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import ssl
import time

import pytest
from podman import HERE, Compose, inspect, podman
from infra import ROOT, free_port, wait_for
from stack import TOKEN, Telegram, assert_locked, busy, processes, wait_healthy

PROJECT = f"prompt2pic-full-{secrets.token_hex(4)}"
SITE = "prompt2pic.local"  # its certificate is issued by Caddy's own CA
OWN_USER = ("kafka", "database")


class Machine(Compose):
    """A new folder with compose.yaml and these additions. Machines follow each other, with the same project, network and ports."""

    def __init__(self, folder, files, ports):
        folder.mkdir()
        https, plain, api = ports
        super().__init__(folder, PROJECT, files, TEST_NETWORK=PROJECT, WORKERS=2, SITE=SITE, HTTPS_PORT=f"127.0.0.1:{https}", HTTP_PORT=f"127.0.0.1:{plain}", API_PORT=f"127.0.0.1:{api}", TEST_STEPS=1000)
        self.files += ["compose.api.yaml", "compose.tls.yaml", "compose.postgres.yaml", HERE / "compose.full.yaml"]
        self.port, self.key = https, (folder / "secrets/api_keys").read_text().strip()

    def call(self, path, body=None, **headers):
        """Calls the site through the proxy, checking its certificate; returns status and body."""
        context = ssl.create_default_context(cadata=authority().read_text())
        connection = http.client.HTTPConnection(SITE)
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 150), server_hostname=SITE)
        connection.request("POST" if body else "GET", path, body and json.dumps(body), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()


def authority():
    return pathlib.Path(inspect(f"{PROJECT}_proxy-data")["Mountpoint"]) / "caddy/pki/authorities/local/root.crt"


def is_there(path):
    try:
        return path().exists()
    except AssertionError:  # the volume is not there yet
        return False


@pytest.fixture(scope="module")
def telegram(parts):
    server = Telegram(PROJECT)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ports():
    return [free_port() for _ in range(3)]


@pytest.fixture(scope="module")
def machine(telegram, ports, tmp_path_factory):
    stack = Machine(tmp_path_factory.mktemp("full") / "first", {"telegram_token": TOKEN}, ports)
    try:
        start = time.monotonic()
        stack("up", "-d", "--no-build")
        wait_for(lambda: is_there(authority), 60, "the proxy makes its CA")
        (stack.folder / "ca.crt").write_text(authority().read_text())
        telegram.start("--volume", f"{stack.folder}/ca.crt:/ca.crt:ro", "-e", "SSL_CERT_FILE=/ca.crt")
        wait_healthy(stack, "api")
        print(f"\nup in {time.monotonic() - start:.0f} s")
        yield stack
    finally:
        (ROOT / "build/containers/full.log").write_text(stack.logs())
        stack("down", "--volumes")


def commands(heading):
    """The commands below a heading of docs/operations.md."""
    return re.search(rf"^#+ {re.escape(heading)}\n.*?```sh\n(.*?)```", (ROOT / "docs/operations.md").read_text(), re.MULTILINE | re.DOTALL)[1]


def test_containers_are_locked(machine):
    names = machine.containers()
    assert len(names) == 8, names
    for name in names:
        assert_locked(name, own_user=any(part in name for part in OWN_USER), capabilities=["CAP_NET_BIND_SERVICE"] if "proxy" in name else ())
        wait_for(lambda each=name: not os.system(f"podman healthcheck run {each} >/dev/null 2>&1"), 60, f"{name} is healthy")


def test_the_webhook_brings_updates_through_the_proxy(machine, telegram):
    telegram.post("text", text="a fox", chat=1)
    assert "a fox" in telegram.wait_picture(1, 180)["caption"]
    assert machine.call("/telegram", {"update_id": 1})[0] in (401, 403), "without Telegram's secret"


def test_the_proxy_forwards_the_api_and_the_page_alone(machine):
    status, page = machine.call("/")
    assert status == 200 and b"<html" in page
    assert [machine.call(path)[0] for path in ("/docs", "/openapi.json", "/livez", "/readyz", "/metrics", "/other")] == [200, 200, 404, 404, 404, 404]
    assert machine.call("/v1/images/generations", {"prompt": "a fox"})[0] == 401
    status, answer = machine.call("/v1/images/generations", {"prompt": "a fox"}, Authorization=f"Bearer {machine.key}")
    assert status == 200, answer
    url = json.loads(answer)["data"][0]["url"]
    assert url.startswith(f"https://{SITE}/"), url
    assert machine.call(url.removeprefix(f"https://{SITE}"))[1].startswith(b"\x89PNG")


def test_a_killed_bot_and_worker_lose_nothing(machine, telegram):
    workers, (bot,) = processes(machine.containers("worker")), processes(machine.containers("bot")).values()
    telegram.post("text", text="an owl", chat=2)
    worker = wait_for(lambda: busy(workers), 60, "the drawing begins")
    for process in (workers[worker], bot):
        os.kill(process, signal.SIGKILL)
    telegram.post("text", text="a cat", chat=3)
    for chat in (2, 3):
        telegram.wait_picture(chat, 240)
        assert len([m for m in telegram.messages(chat) if m["media"] == "photo"]) == 1
    wait_healthy(machine)


def test_a_backup_on_an_empty_machine_answers_old_buttons(machine, telegram, ports):
    first, before = telegram.wait_picture(1, 1), len(telegram.messages(1))
    machine.shell(commands("Backups"))
    wait_healthy(machine, "api")
    machine("down", "--volumes")
    assert not [name for name in podman("volume", "ls", "--format", "{{.Name}}").split() if name.startswith(PROJECT)]

    second = Machine(machine.folder.parent / "second", {}, ports)
    shutil.rmtree(second.folder / "secrets")
    shutil.move(machine.folder / "backup", second.folder / "backup")
    second.shell(commands("Restoring"))
    machine.folder, machine.key = second.folder, (second.folder / "secrets/api_keys").read_text().strip()
    wait_healthy(machine, "api")
    telegram.post("press", message=first["id"], label="Again")
    again = wait_for(lambda: next((m for m in telegram.messages(1)[before:] if m["media"] == "photo"), None), 240, "the old button draws again")
    assert again["reply_to"] == first["id"] and "a fox" in again["caption"]
    assert telegram.get("violations") == []
