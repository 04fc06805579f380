"""Only calls to Telegram go through the configured proxy."""

import http.client
import http.server
import socket
import socketserver
import threading

import pytest

from infra import prompt2pic


class HttpProxy(http.server.ThreadingHTTPServer):
    """An HTTP proxy for plain HTTP with absolute URLs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            host, _, path = self.path.removeprefix("http://").partition("/")
            self.server.asked.append(host)
            onward = http.client.HTTPConnection(host, timeout=60)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            onward.request("POST", "/" + path, body, {"Content-Type": self.headers["Content-Type"]})
            answer = onward.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    scheme = "http"

    def __init__(self):
        self.asked = []
        super().__init__(("127.0.0.1", 0), self.Handler)


class SocksProxy(socketserver.ThreadingTCPServer):
    """SOCKS 5 without a password; the proxy resolves host names."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.read(self.rfile.read(2)[1])
            self.request.sendall(b"\x05\x00")
            assert self.rfile.read(4)[3] == 3, "a name, not an address: the proxy looks it up"
            host = self.rfile.read(self.rfile.read(1)[0]).decode()
            port = int.from_bytes(self.rfile.read(2), "big")
            self.server.asked.append(f"{host}:{port}")
            with socket.create_connection((host, port)) as onward:
                self.request.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
                threading.Thread(target=self.copy, args=(onward, self.request), daemon=True).start()
                self.copy(self.request, onward)

        @staticmethod
        def copy(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass

    scheme = "socks5h"
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.asked = []
        super().__init__(("127.0.0.1", 0), self.Handler)


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_telegrams_calls_alone_go_through_the_proxy(api, serve, kind):
    with kind() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        # Proxy variables of the environment, including exceptions, are ignored.
        service = serve(P2P_TELEGRAM_API_URL=f"http://localhost:{api.port}", P2P_TELEGRAM_PROXY=f"{kind.scheme}://127.0.0.1:{proxy.server_address[1]}",
                        NO_PROXY="localhost,127.0.0.1", no_proxy="localhost,127.0.0.1", HTTP_PROXY="http://127.0.0.1:1", http_proxy="http://127.0.0.1:1")
        service.start("worker"), service.start("bot")
        api.send_text("a cat", chat=4400)
        api.wait_picture(4400)
        proxy.asked.clear()
        code, text = prompt2pic("doctor", **{**service.env, "P2P_DATA_DIR": service.folder / "fresh"})
        assert code == 0 and "Telegram: ok: the bot is @Prompt2PicTestBot" in text and proxy.asked
        service.stop()
        proxy.shutdown()
    assert set(proxy.asked) == {f"localhost:{api.port}"}
