"""Run by pull_hostile_test.py in its own network namespace: a hub with a public address that redirects. Prints the result of pull."""
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile

from command import BINARY
from hub_server import Hub
from pull_case import REPOSITORY, WEIGHTS, model_files

SIOCSIFFLAGS, SIOCSIFADDR, UP = 0x8914, 0x8916, 0x1


def add_address(interface, address):
    with socket.socket() as control:
        name = interface.encode()
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address)))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", name, UP))


def pull(hub, name, target):
    hub.behave[WEIGHTS] = lambda handler, data, start: handler.reply(302, headers=[("Location", target.url.replace(target.host, name) + handler.path)])
    with tempfile.TemporaryDirectory() as models:
        env = os.environ | {"P2P_MODELS_DIR": models, "P2P_HUB_URL": hub.url}
        done = subprocess.run([BINARY, "pull", REPOSITORY], env=env, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr


for number, address in enumerate(["127.0.0.1", "10.1.2.3", "203.0.113.1", "203.0.113.2"]):
    add_address(f"lo:{number}" if number else "lo", address)
outside = Hub("203.0.113.1")
outside.add(REPOSITORY, model_files())
results = {"refused": [], "followed": []}
for name, host in (("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("10.1.2.3", "10.1.2.3"), ("203.0.113.2", "203.0.113.2")):
    target = Hub(host)
    target.add(REPOSITORY, model_files())
    code, said = pull(outside, name, target)
    if code == 0:
        results["followed"].append(name)
    elif "redirects to where nobody may follow" in said and "private network" in said and not target.seen:
        results["refused"].append(name)
    else:
        sys.exit(f"{name}: {code}: {said}: {target.seen}")
for what, names in results.items():
    print(f"{what}: {' '.join(names)}")
