"""The API and the webhook behind nginx, HAProxy and Caddy with persistent connections: no request smuggling."""

import http.client
import json
import re
import shutil
import threading

import pytest

from infra import CACHE, Process, fetch, free_port, wait_for
from api_caller import KEYS
from test_http import Watch, Wire, corpus

PROGRAMS = ":".join(str(CACHE / "proxies" / folder) for folder in ("usr/sbin", "usr/bin")) + ":/usr/sbin:/usr/bin"
LIBRARIES = ":".join(str(path) for path in (CACHE / "proxies/usr/lib").glob("*-linux-gnu"))

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream service {{ server 127.0.0.1:{to}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location /v1/ {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_request_buffering off; }}
    location /hook/ {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend here
  bind 127.0.0.1:{port}
  default_backend service
backend service
  server one 127.0.0.1:{to} maxconn 4
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  reverse_proxy 127.0.0.1:{to}
}}
"""
PROXIES = {"nginx": (NGINX, ["nginx", "-p", "{folder}", "-c", "{folder}/config"]),
           "haproxy": (HAPROXY, ["haproxy", "-db", "-f", "{folder}/config"]),
           "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", "{folder}/config"])}


@pytest.fixture(params=PROXIES)
def proxy_before(request, tmp_path):
    """Starts the proxy in front of a port and returns the proxy's port."""
    started = []

    def start(to):
        config, command = PROXIES[request.param]
        folder, port = tmp_path / request.param, free_port()
        folder.mkdir()
        (folder / "config").write_text(config.format(folder=folder, port=port, to=to))
        command = [word.format(folder=folder) for word in command]
        command[0] = shutil.which(command[0], path=PROGRAMS)
        started.append(Process(request.param, folder, command, {"LD_LIBRARY_PATH": LIBRARIES, "HOME": str(folder)}).start())
        wait_for(lambda: fetch(f"http://127.0.0.1:{port}/v1/")[0], 20, f"{request.param} answers")
        return port
    yield start
    for process in started:
        process.stop()


def attacks():
    """Requests of an attacker without a key."""
    inner = b"GET /v1/requests/stolen HTTP/1.1\r\nHost: x\r\n\r\n"
    for method in (b"GET", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"POST"):
        for path in (b"/v1/models", b"/v1/images/generations", b"/v1/nothing"):
            head = method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n"
            length = str(len(inner)).encode()
            yield head + b"Content-Length: " + length + b"\r\n\r\n" + inner
            yield head + b"Transfer-Encoding: chunked\r\n\r\n" + hex(len(inner))[2:].encode() + b"\r\n" + inner + b"\r\n0\r\n\r\n"
            yield head + b"Content-Length: " + length + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner
            yield head + b"Content-Length: 0\r\nContent-Length: " + length + b"\r\n\r\n" + inner
            yield head + b"Content-Encoding: br\r\nContent-Length: 700\r\n\r\n" + b"\xcf" * 700
            yield head + b"Expect: 100-continue\r\nContent-Length: " + length + b"\r\n\r\n" + inner
    for name, data in corpus():
        yield data


def test_no_request_is_altered(serve, proxy_before):
    service = serve(P2P_API_KEYS=",".join(KEYS))
    service.start("worker")
    service.start("api")
    port = proxy_before(service.ports["api"])
    over = threading.Event()

    def attack():
        while not over.is_set():
            for data in attacks():
                wire = Wire(port, 0.2)
                wire.send(data)
                wire.read()
                wire.close()
                if over.is_set():
                    return

    def ask(number, wrong, count=150):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for i in range(count):
            path = f"/v1/requests/mine-{number}-{i}" if i % 3 else "/v1/models"
            connection.request("GET", path, headers={"Authorization": "Bearer " + KEYS[0]})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            if (answer.status, "data" in body) != ((404, False) if i % 3 else (200, True)):
                wrong.append((path, answer.status, body))

    wrong, attackers = [], [threading.Thread(target=attack) for _ in range(3)]
    with Watch(service, "api"):
        askers = [threading.Thread(target=ask, args=(number, wrong)) for number in range(4)]
        for thread in attackers + askers:
            thread.start()
        for thread in askers:
            thread.join()
        over.set()
        for thread in attackers:
            thread.join()
    assert wrong == []
    counted = {(route, status): int(n) for route, status, n in
               re.findall(r'prompt2pic_api_calls_total{route="(\w+)",status="(\d+)"} (\d+)', fetch(service.health("api", "/metrics"))[1])}
    assert counted["models", "200"] == 4 * 50 and counted["requests", "404"] == 4 * 100, "calls with the key are its owner's alone"


def test_many_updates_at_once_are_taken(serve, api, proxy_before):
    service = serve()
    service.start("worker")
    port = service.ports.setdefault("bot", free_port())
    service.start("bot", P2P_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{port}/hook/x", P2P_TELEGRAM_WEBHOOK_SECRET="right")
    way, statuses = proxy_before(port), []

    def push(number):
        update = {"update_id": 5000 + number, "message": {"message_id": number, "date": 1, "text": "/help", "chat": {"id": 8000 + number, "type": "private"},
                                                          "from": {"id": 8000 + number, "is_bot": False, "first_name": "U"}}}
        statuses.append(fetch(f"http://127.0.0.1:{way}/hook/x", json.dumps(update).encode(),
                              **{"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": "right"})[0])
    threads = [threading.Thread(target=push, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
