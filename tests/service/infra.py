"""Processes of the tests, their ports, and proxies between them that can be blocked."""

import asyncio
import atexit
import itertools
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

CACHE = pathlib.Path(os.environ.get("P2P_BUILD_CACHE", pathlib.Path.home() / ".cache/prompt2pic"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("P2P_BINARY", ROOT / "build/release/prompt2pic"))


def port_numbers():
    """A port below the range of outgoing connections (net.ipv4.ip_local_port_range), so that none of these occupies it before the server starts.
    Each process of pytest-xdist uses separate numbers."""
    first, size = 10_000, 1_300
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 16
    return itertools.cycle(random.sample(range(first + worker * size, first + (worker + 1) * size), size))


PORTS = port_numbers()


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


PATIENCE = 3  # so many times as long as on a quiet machine a test waits before it fails; what holds ends the wait at once


def wait_for(condition, timeout, what):
    deadline = time.monotonic() + timeout * PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * PATIENCE} s: {what}")
        time.sleep(0.02)
    return value


def fetch(url, data=None, **headers):
    """Returns (status, body); status 0 without a response. With data it is a POST."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=15) as answer:
            return answer.status, answer.read().decode("latin-1")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("latin-1")
    except OSError:
        return 0, ""


class Process:
    """A process with its output in a file."""

    def __init__(self, name, folder, command, env=None):
        self.name, self.log, self.command, self.env = name, folder / f"{name}.log", command, env
        self.process = None
        atexit.register(self.kill)  # whatever a test that failed left behind

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([str(word) for word in self.command], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(self.env or {})}, cwd=self.log.parent)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait(20)

    def stop(self, timeout=60):
        """Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout} s")

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def limit_memory(pid, megabytes):
    """Moves a process into its own memory cgroup, which kills it beyond the limit. Returns False if this machine does not permit that."""
    for root, limit in ((pathlib.Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (pathlib.Path("/sys/fs/cgroup"), "memory.max")):
        group = root / f"prompt2pic-test-{pid}"
        try:
            group.mkdir()
            (group / limit).write_text(str(megabytes << 20))
            (group / "cgroup.procs").write_text(str(pid))
        except OSError:
            continue
        finally:
            if group.exists():
                atexit.register(group.rmdir)  # the process has ended by then
        return True
    return False


def run(*command, **kwargs):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def prompt2pic(*words, **env):
    """Runs a command and returns (exit code, output)."""
    result = subprocess.run([str(BINARY), *words], capture_output=True, text=True, timeout=120, env={**os.environ, **{k: str(v) for k, v in env.items()}})
    return result.returncode, result.stdout + result.stderr


class Proxy:
    """A TCP proxy that can be blocked. mode: "pass"; "stall": nothing goes through; "cut": connections are closed; or bytes: the response to every request.
    target: a port, or a function that gives the port for each connection."""

    def __init__(self, target):
        self.target, self.mode, self.open = target, "pass", set()
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        async def serve():
            server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
        self.loop.create_task(serve())
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        ready.wait()

    def set(self, mode):
        self.mode = mode
        if mode not in ("pass", "stall"):
            for writer in list(self.open):
                self.loop.call_soon_threadsafe(writer.close)

    def stop(self):
        self.set("cut")

    async def _connected(self, reader, writer):
        self.open.add(writer)
        try:
            if isinstance(self.mode, bytes):
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
                await reader.readexactly(length)
                writer.write(self.mode)
                await writer.drain()
            elif self.mode != "cut":
                there, out = await asyncio.open_connection("127.0.0.1", self.target() if callable(self.target) else self.target)
                self.open.add(out)
                await asyncio.gather(self._pump(reader, out), self._pump(there, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.open.discard(writer)

    async def _pump(self, source, sink):
        while data := await source.read(65536):
            while self.mode == "stall":
                await asyncio.sleep(0.05)
            sink.write(data)
            await sink.drain()
        sink.close()
        self.open.discard(sink)


class Service:
    """Bot, API and workers with the given dependencies; with `command`, that command in place of each."""

    def __init__(self, folder, api, kafka, minio, command=None, **settings):
        self.folder, self.api, self.command = folder, api, command
        folder.mkdir(parents=True, exist_ok=True)
        self.env = {"P2P_TELEGRAM_TOKEN": api.token, "P2P_TELEGRAM_API_URL": api.url, "P2P_MODEL": "flat", "P2P_DATA_DIR": str(folder / "data"), "P2P_LOG_LEVEL": "debug",
                    **({"P2P_KAFKA_BROKERS": kafka.brokers} if kafka else {}), **(minio.settings() if minio else {}), **{k: str(v) for k, v in settings.items()}}
        self.processes, self.ports, self.health_ports = {}, {}, {}

    def start(self, name, ready=True, **settings):
        """`name`: bot, api, worker, worker2, ..."""
        port, health_port = self.ports.setdefault(name, free_port()), self.health_ports.setdefault(name, free_port())
        process = Process(name, self.folder, [BINARY, self.command or next((command for command in ("bot", "api") if name.startswith(command)), "worker")],
                          {**self.env, "P2P_HTTP_LISTEN": f"127.0.0.1:{port}", "P2P_HEALTH_LISTEN": f"127.0.0.1:{health_port}", **{k: str(v) for k, v in settings.items()}})
        self.processes[name] = process.start()
        if ready:
            self.wait_ready(name)
        return process

    def url(self, name, path):
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def health(self, name, path):
        return f"http://127.0.0.1:{self.health_ports[name]}{path}"

    def wait_ready(self, name, timeout=40):
        def ready():
            assert self.processes[name].alive(), self.processes[name].text()[-3000:]
            return fetch(self.url(name, "/readyz"))[0] == 200
        wait_for(ready, timeout, f"{name} is ready: {fetch(self.url(name, '/readyz'))}\n{self.processes[name].text()[-2000:]}")

    def stop(self):
        for process in self.processes.values():
            process.signal(signal.SIGTERM)
        for process in self.processes.values():
            if process.alive():
                try:
                    process.process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()

    def logs(self):
        return "".join(process.text() for process in self.processes.values())
