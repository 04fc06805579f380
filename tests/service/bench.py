"""Starts Kafka, MinIO, the Telegram test server, a bot, an API and workers with the model flat, and measures the overhead without drawing, and the throughput.
Run by tools/bench_service."""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from api_caller import KEYS, Caller
from bot_api import BotApi
from infra import BINARY, Service
from servers import Kafka, Minio

OVERHEAD_LIMIT_MS = 30


def chat_overhead(folder, kafka, minio, count):
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


def api_overhead(folder, kafka, minio, count):
    """Milliseconds of a call that waits for its picture, one call at a time."""
    api = BotApi().start()  # not called
    service = Service(folder, api, kafka, minio, P2P_LOG_LEVEL="info", P2P_API_KEYS=",".join(KEYS))
    service.start("worker"), service.start("api")
    caller, times = Caller(service), []
    for _ in range(count):
        start = time.monotonic()
        assert caller.ask(prefer="wait=30")[0] == 200
        times.append(1000 * (time.monotonic() - start))
    service.stop()
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
            doors = {"chat": chat_overhead, "API": api_overhead}
            times = {door: sorted(measure(folder / door, kafka, minio, arguments.count)[arguments.count // 10:]) for door, measure in doors.items()}
            settings = {**minio.settings(), "P2P_KAFKA_BROKERS": kafka.brokers, "P2P_DATA_DIR": name}
            through = subprocess.run([BINARY, "bench", "service", "--requests", str(arguments.requests)], env={**os.environ, **settings}).returncode
        finally:
            kafka.stop(), minio.stop()
    medians = {door: statistics.median(list_) for door, list_ in times.items()}
    for door, list_ in times.items():
        print(f"overhead, {door}: median {medians[door]:.1f} ms, 95 of 100 within {list_[len(list_) * 95 // 100]:.1f} ms; limit of the median {OVERHEAD_LIMIT_MS} ms")
    return 0 if max(medians.values()) < OVERHEAD_LIMIT_MS and through == 0 else 1


sys.exit(main())
