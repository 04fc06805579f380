"""Load test of the API: see tools/bench_http."""

import argparse
import asyncio
import json
import pathlib
import resource
import sys
import tempfile
import time

from infra import Service, fetch
from servers import Kafka

LIMIT_MS, MOST_THREADS = 200, 40


async def call(port, request, keep=False):
    """Sends a request. Returns its status and, with `keep`, the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if keep:
        return int(head.split()[1]), (reader, writer)
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")).split()[1])
    await reader.readexactly(length)
    return int(head.split()[1]), (reader, writer)


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def poll(port, id, seconds, times):
    """Polls every two seconds, on one connection."""
    status, (reader, writer) = await call(port, get("/v1/models"))
    until = time.monotonic() + seconds
    await asyncio.sleep(2 * (hash(id) % 1000) / 1000)
    while time.monotonic() < until:
        start = time.monotonic()
        writer.write(get(f"/v1/requests/{id}"))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")).split()[1])
        await reader.readexactly(length)
        assert head.split()[1] == b"200", head
        times.append(time.monotonic() - start)
        await asyncio.sleep(max(0, 2 - (time.monotonic() - start)))
    writer.close()


async def run(service, arguments):
    port, body = service.ports["api"], json.dumps({"prompt": "a fox"}).encode()
    head = f"POST /v1/images/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nPrefer: respond-async\r\nContent-Length: {len(body)}\r\n\r\n"
    ids = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"}\n")
        ids.append(json.loads(answer.split(b"\r\n\r\n")[1])["id"])
        writer.close()
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(arguments.connections)]
    streams = [await call(port, get(f"/v1/requests/{ids[i % len(ids)]}/events"), keep=True) for i in range(arguments.streams)]
    assert all(status == 200 for status, _ in streams)
    times = []
    await asyncio.gather(*(poll(port, ids[i % len(ids)], arguments.seconds, times) for i in range(arguments.clients)))
    status = pathlib.Path(f"/proc/{service.processes['api'].process.pid}/status").read_text()
    threads, memory = (int(next(line for line in status.splitlines() if line.startswith(name)).split()[1]) for name in ("Threads:", "VmHWM:"))
    times.sort()
    middle, late = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
    print(f"{len(idle)} connections, {len(streams)} streams, {arguments.clients} clients, {len(times)} answers: median {middle:.1f} ms, 99 % within {late:.1f} ms (limit {LIMIT_MS})")
    print(f"{threads} threads (limit {MOST_THREADS}), {memory // 1024} MB; /livez {fetch(service.health('api', '/livez'))[0]}")
    return late <= LIMIT_MS and threads <= MOST_THREADS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        kafka = Kafka(folder / "kafka").start()
        stand_in = type("", (), {"token": "1:x", "url": "http://127.0.0.1:1"})  # the API does not use Telegram
        service = Service(folder / "service", stand_in, kafka, None, P2P_FLAT_MS=5000)
        try:
            service.start("worker"), service.start("api")
            return 0 if asyncio.run(run(service, arguments)) else 1
        finally:
            service.stop()
            kafka.stop()


if __name__ == "__main__":
    sys.exit(main())
