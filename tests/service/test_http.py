"""Hostile HTTP clients: the process keeps its memory and its health, and requests of others are not altered."""

import contextlib
import hmac
import os
import pathlib
import re
import socket
import tarfile
import threading
import time

import pytest

from infra import BINARY, CACHE, Process, fetch, free_port, limit_memory, wait_for
from api_caller import KEYS

MB = 1 << 20
GROWTH = 20  # MB
PATHS = {"api": "/v1/images/generations", "bot": "/hook/x", "worker": "/livez"}


class Wire:
    """A raw TCP connection."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)

    def send(self, data):
        """Returns False if the other end has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def read(self, limit=100 * MB):
        data = b""
        with contextlib.suppress(OSError):
            while len(data) < limit and (part := self.socket.recv(65536)):
                data += part
        return data

    def close(self):
        self.socket.close()


def memory(service, name):
    """The current private memory of the process, in MB."""
    pid = service.processes[name].process.pid
    return int(re.search(r"RssAnon:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) / 1024


class Watch:
    """Polls /livez ten times a second, and records the slowest response and the peak memory."""

    def __init__(self, service, name):
        self.service, self.name, self.over = service, name, threading.Event()
        self.slowest, self.failed, self.before = 0, 0, memory(service, name)
        self.most = self.before
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(0.1):
            start = time.monotonic()
            self.failed += fetch(self.service.health(self.name, "/livez"))[0] != 200
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.most = max(self.most, memory(self.service, self.name))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()
        print(f"{self.name}: {self.most - self.before:.1f} MB more (limit {GROWTH}), /livez within {self.slowest * 1000:.0f} ms (limit 5000; on a quiet machine 1000)")
        if not any(error):
            assert self.failed == 0 and self.slowest < 5 and self.most - self.before < GROWTH


@pytest.fixture
def attacked(serve, request):
    """A single service: bot with a webhook, API with keys, or worker, each with an HTTP server besides the health listener."""
    name = request.param
    service = serve(P2P_API_KEYS=",".join(KEYS))
    port = service.ports.setdefault(name, free_port())
    if name == "bot":
        service.start("bot", P2P_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook/x", P2P_TELEGRAM_WEBHOOK_SECRET="right")
    else:
        service.start(name)
    if not limit_memory(service.processes[name].process.pid, 512):
        print("not within a cgroup of 512 MB: this machine does not allow one")
    return service, name, port


def flood(port, head, piece, most=60 * MB):
    """Sends until the other end closes, at most `most` bytes. Returns the response."""
    wire = Wire(port)
    wire.send(head)
    sent = 0
    while sent < most and wire.send(piece):
        sent += len(piece)
    answer = wire.read()
    wire.close()
    return sent, answer


ENDLESS = {
    "request line": (b"GET /", b"a" * 65536),
    "header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"a" * 65536),
    "headers": (b"GET / HTTP/1.1\r\nHost: x\r\n", b"a: b\r\n" * 10000),
    "chunk's size": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "chunk's extension": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
    "chunks": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "small chunks": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 10000),
    "trailers": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 10000),
    "chunks of PATCH": (b"PATCH / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "PRI": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 65536),
    "unknown path": (b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
    "no HTTP": (b"\x16\x03\x01", b"\0" * 65536),
    "empty lines": (b"", b"\r\n" * 30000),
}


@pytest.mark.parametrize("attacked", PATHS, indirect=True)
def test_endless_input_is_not_buffered(attacked):
    service, name, port = attacked
    with Watch(service, name):
        for what, (head, piece) in ENDLESS.items():
            sent, answer = flood(port, head.replace(b"%b", PATHS[name].encode()), piece)
            assert sent < 20 * MB, f"{what}: it would have taken more"
            assert not answer.startswith(b"HTTP/1.1 2"), what
    assert service.processes[name].alive()


@pytest.mark.parametrize("attacked", PATHS, indirect=True)
def test_encoded_bodies_are_refused(attacked):
    service, name, port = attacked
    with Watch(service, name):
        for method in ("PATCH", "POST", "PUT", "GET", "DELETE", "PROPFIND"):
            for encoding in ("br", "gzip", "deflate", "identity", "x"):
                wire = Wire(port)
                wire.send(f"{method} {PATHS[name]} HTTP/1.1\r\nHost: x\r\nContent-Encoding: {encoding}\r\nContent-Length: 700\r\n\r\n".encode() + b"\xcf" * 700)
                assert wire.read().split()[1] in (b"415", b"501"), (method, encoding)
                wire.close()


@pytest.mark.parametrize("attacked", PATHS, indirect=True)
def test_many_connections_keep_nobody_out(attacked):
    service, name, port = attacked
    bodies = PATHS[name].encode()
    with Watch(service, name):
        wires = []
        for i in range(400):
            wire = Wire(port)
            wire.send((b"", b"GET /liv", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
                       b"POST " + bodies + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"a" * 50000)[i % 4])
            wires.append(wire)
        assert fetch(service.url(name, "/livez"))[0] == 200
        for i in range(300):  # and on the health listener
            wire = Wire(service.health_ports[name])
            wire.send((b"", b"GET /liv")[i % 2])
            wires.append(wire)
        time.sleep(1)
        for wire in wires:
            wire.close()
    assert fetch(service.url(name, "/readyz"))[0] == 200


@pytest.mark.parametrize("attacked", PATHS, indirect=True)
def test_clients_that_do_not_read_are_closed(attacked):
    service, name, port = attacked
    with Watch(service, name):
        wires = [Wire(port) for _ in range(120)]
        for wire in wires:
            wire.socket.setblocking(False)
            with contextlib.suppress(OSError):
                wire.socket.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nRange: bytes=" + b"0-,1-,2-," * 300 + b"5-\r\n\r\n" * 1)
                for _ in range(50):
                    wire.socket.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        time.sleep(2)
        assert fetch(service.url(name, "/livez"))[0] == 200
        for wire in wires:
            wire.close()


def test_slow_reader_of_large_picture_holds_little_memory(serve):
    service = serve(minio=None)
    service.start("api")
    data = pathlib.Path(service.env["P2P_DATA_DIR"])
    key, expires = "images/2026/01/02/large-1.png", "4000000000"
    picture = b"\x89PNG\r\n\x1a\n" + os.urandom(7 * MB) + b"\0\0\0\0IEND\xae\x42\x60\x82"
    (data / "pictures" / key).parent.mkdir(parents=True)
    (data / "pictures" / key).write_bytes(picture)
    secret = (data / "link-key").read_text().strip().encode()
    signature = hmac.new(secret, f"{key}\n{expires}".encode(), "sha256").hexdigest()
    path = f"/pictures/{key}?expires={expires}&signature={signature}"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with Watch(service, "api"):
        wires = [Wire(service.ports["api"]) for _ in range(120)]
        for wire in wires:
            wire.send(request)
        time.sleep(1)
        reader = Wire(service.ports["api"])
        reader.send(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert reader.read().endswith(picture)
        for wire in wires + [reader]:
            wire.close()


@pytest.mark.parametrize("attacked", PATHS, indirect=True)
def test_ranges_are_not_served(attacked):
    service, name, port = attacked
    status, body = fetch(service.url(name, "/metrics"), Range="bytes=" + ",".join(f"{i}-" for i in range(1000)))
    assert status == 200 and body.startswith("#")


def test_recovers_when_descriptors_run_out(serve, tmp_path):
    service, port, health = serve(), free_port(), free_port()
    process = Process("worker", tmp_path, ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh", BINARY, "worker"],
                      {**service.env, "P2P_HTTP_LISTEN": f"127.0.0.1:{port}", "P2P_HEALTH_LISTEN": f"127.0.0.1:{health}"}).start()
    wait_for(lambda: fetch(f"http://127.0.0.1:{port}/livez")[0] == 200, 20, "it listens")
    wires = [Wire(port) for _ in range(200)]
    wait_for(lambda: "a connection could not be accepted; trying again" in process.text(), 20, "there are no descriptors")
    assert fetch(f"http://127.0.0.1:{port}/livez")[0] == 200, "the oldest make room"
    for wire in wires:
        wire.close()
    wait_for(lambda: fetch(f"http://127.0.0.1:{health}/readyz")[0] == 200, 20, "it works afterwards")
    process.stop()


def test_two_services_do_not_share_a_port(serve):
    service = serve()
    service.start("worker")
    service.ports["api"] = service.ports["worker"]
    process = service.start("api", ready=False)
    wait_for(lambda: not process.alive(), 20, "it ends")
    assert process.process.returncode == 2 and f"sport = :{service.ports['worker']}" in process.text()


def test_services_run_side_by_side_without_a_setting(serve):
    service = serve()
    for name in ("worker", "worker2", "api"):
        process = service.start(name, ready=False, P2P_HTTP_LISTEN="", P2P_HEALTH_LISTEN="")
        wait_for(lambda: re.search(r'health port=(\d+)', process.text()), 20, f"{name} listens")
    ports = [re.search(r"health port=(\d+)", service.processes[name].text())[1] for name in ("worker", "worker2", "api")]
    assert len(set(ports)) == 3
    for port in ports:
        assert fetch(f"http://127.0.0.1:{port}/livez")[0] == 200


def corpus():
    """The invalid requests of gunicorn's tests, by name."""
    [package] = (CACHE / "service-venv/corpus").glob("gunicorn-*.tar.gz")
    with tarfile.open(package) as archive:
        for member in archive:
            if "/tests/requests/invalid/" in member.name and member.name.endswith(".http"):
                data = archive.extractfile(member).read().replace(b"\n", b"")
                for written, byte in ((b"\\r\\n", b"\r\n"), (b"\\0", b"\0"), (b"\\n", b"\n"), (b"\\t", b"\t")):
                    data = data.replace(written, byte)
                yield member.name.rsplit("/", 1)[1], data


def test_requests_that_programs_read_differently_are_refused(serve):
    service = serve()
    service.start("worker")
    seen = 0
    for name, data in corpus():
        wire = Wire(service.ports["worker"])
        wire.send(data)
        wire.socket.shutdown(socket.SHUT_WR)
        statuses = re.findall(rb"HTTP/1\.1 (\d+)", wire.read())
        wire.close()
        # Some are incomplete requests, which get no response.
        assert not statuses or statuses[-1][0] in b"45", (name, statuses, data[:200])
        seen += 1
    assert seen > 50
