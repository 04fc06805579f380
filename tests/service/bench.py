"""Starts Kafka, MinIO, the Telegram test server, a bot and a worker with the model flat, and measures the overhead without drawing, and the throughput.
Run by tools/bench_service."""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from bot_api import BotApi
from infra import BINARY, Service
from servers import Kafka, Minio

OVERHEAD_LIMIT_MS = 30


def overhead(folder, kafka, minio, count):
    """Milliseconds from the delivery of an update to the call that shows its picture, each request from another chat, one at a time."""
    api = BotApi().start()
    service = Service(folder, api, kafka, minio, P2P_LOG_LEVEL="info")
    service.start("worker"), service.start("bot")
    times = []
    for chat in range(1, count + 1):
        update = api.send_text("a fox in the snow", chat=chat)
        api.wait_picture(chat)
        shown = next(call.time for call in reversed(api.calls) if call.method == "editMessageMedia" and call.params["chat_id"] == chat)
        times.append(1000 * (shown - api.handed_out[update]))
        time.sleep(0.1)  # so that Telegram's limit of calls per second has no effect
    service.stop()
    assert api.violations == []
    api.stop()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="requests whose overhead is measured (200)")
    parser.add_argument("--requests", type=int, default=100_000, help="requests that go through Kafka and a worker (100000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kafka, minio = Kafka(folder / "kafka").start(), Minio(folder / "minio").start()
        try:
            times = sorted(overhead(folder / "service", kafka, minio, arguments.count)[arguments.count // 10:])
            settings = {**minio.settings(), "P2P_KAFKA_BROKERS": kafka.brokers, "P2P_DATA_DIR": name}
            through = subprocess.run([BINARY, "bench", "service", "--requests", str(arguments.requests)], env={**os.environ, **settings}).returncode
        finally:
            kafka.stop(), minio.stop()
    median = statistics.median(times)
    print(f"overhead: median {median:.1f} ms, 95 of 100 within {times[len(times) * 95 // 100]:.1f} ms; limit of the median {OVERHEAD_LIMIT_MS} ms")
    return 0 if median < OVERHEAD_LIMIT_MS and through == 0 else 1


sys.exit(main())
