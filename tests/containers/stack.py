"""What the tests of the stack share: the Bot API server, and waiting for services."""

import json
import os
import pathlib
import time
import urllib.request

from podman import IMAGE, inspect, podman
from infra import fetch, free_port, wait_for

TOKEN = "123456:TEST-token-of-the-containers"


class Telegram:
    """The strict Bot API server in its own container, on the bot's outside network."""

    def __init__(self, network):
        self.network = network
        self.url = f"http://127.0.0.1:{free_port()}"
        podman("network", "create", network)

    def start(self, *options):
        podman("run", "-d", "--name", f"{self.network}-telegram", "--network", self.network, "--network-alias", "telegram", "-p", f"{self.url[7:]}:8081", *options, f"{IMAGE}-telegram",
               "--host", "0.0.0.0", "--port", "8081", "--token", TOKEN)
        wait_for(lambda: fetch(self.url + "/control/messages")[0] == 200, 20, "the Bot API server answers")

    def stop(self):
        podman("rm", "-f", "--ignore", f"{self.network}-telegram")
        podman("network", "rm", "-f", self.network)

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


def healthy(name):
    return os.system(f"podman exec {name} prompt2pic health >/dev/null 2>&1") == 0


def wait_healthy(stack, *services):
    """Waits until every container of these services and of bot and worker is healthy. Kafka starts twice at first, to store the permissions."""
    for service in ("bot", "worker", *services):
        for name in wait_for(lambda each=service: stack.containers(each), 20, f"{service} runs: {stack.containers()}"):
            wait_for(lambda each=name: healthy(each), 180, f"{name} is healthy")


def processes(containers):
    """The first process of each container, asked beforehand: podman may take longer than a drawing."""
    return {name: inspect(name)["State"]["Pid"] for name in containers}


def processor_ticks(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def busy(found):
    """The container of processes() that is computing, if any."""
    before = {name: processor_ticks(process) for name, process in found.items()}
    time.sleep(0.5)
    return next((name for name, process in found.items() if processor_ticks(process) - before[name] > 8), None)


def assert_locked(name, own_user=False, capabilities=()):
    """Without other capabilities, on a read-only root, within limits, as nobody unless `own_user` says that the image has a user of its own."""
    config = inspect(name)
    host = config["HostConfig"]
    assert set(config["EffectiveCaps"] or ()) <= set(capabilities), name
    assert "no-new-privileges" in " ".join(host["SecurityOpt"]) and host["ReadonlyRootfs"], name
    assert host["Memory"] > 0 and host["PidsLimit"] > 0, name
    assert config["Config"]["User"] not in ("", "0", "root", "0:0"), name
    assert own_user or config["Config"]["User"] == "65534:65534", name
