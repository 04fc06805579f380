"""The server under test: `prompt2pic demo`, on a port and in a folder of its own."""

import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("P2P_BINARY", ROOT / "build/release/prompt2pic"))
START_SECONDS = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class DemoServer:
    """start() returns when it answers; stop() sends SIGTERM, kill() SIGKILL. After either it can be started again on the same port and data."""

    def __init__(self, folder, **settings):
        self.folder, self.settings, self.port, self.process = folder, settings, free_port(), None
        self.url = f"http://127.0.0.1:{self.port}/"
        folder.mkdir(parents=True, exist_ok=True)

    def start(self):
        command = [str(BINARY), "demo", "--http-listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.folder / "data")]
        with open(self.folder / "demo.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **self.settings})
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log()}"
            assert time.monotonic() < deadline, f"no answer: {self.log()}"
            time.sleep(0.1)
        return self

    def answers(self):
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def end(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(60)

    def stop(self):
        self.end(signal.SIGTERM)

    def kill(self):
        self.end(signal.SIGKILL)

    def log(self):
        return (self.folder / "demo.log").read_text(errors="replace")[-2000:]
