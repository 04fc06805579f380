"""A local model hub with Hugging Face's API, which misbehaves on demand. Uses only Python's standard library."""
import hashlib
import http.server
import json
import threading
import urllib.parse

COMMIT = "c0ffee" * 6 + "beef"


def git_blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    """`files`: content of the repository, by path; files with `lfs` suffixes are listed with sha256. Tests change the fields."""

    def __init__(self, host="127.0.0.1"):
        self.host = host
        self.repositories = {}    # owner/name: {path: bytes}
        self.licences = {}        # owner/name: cardData
        self.token = None         # required for everything
        self.listed = {}          # path: changes to its entry in the listing
        self.extra = []           # additional entries of every listing
        self.listing = None       # bytes instead of any listing
        self.behave = {}          # path: function(handler, data, start) that responds instead of the hub; returns False to let the hub respond
        self.seen = []            # (path, Range, Authorization) of each request
        self.cdn = None           # address to which LFS files are redirected
        server = http.server.ThreadingHTTPServer((host, 0), self._handler())
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # clients close the connection when they detect wrong data
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://{self.host}:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def add(self, repository, files, **card):
        self.repositories[repository] = files
        self.licences[repository] = card

    def requests(self, path):
        """The Range headers of the requests for a file."""
        return [seen[1] for seen in self.seen if seen[0].endswith("/" + path)]

    def answer_listing(self, repository):
        if self.listing is not None:
            return self.listing
        siblings = []
        for path, data in self.repositories[repository].items():
            entry = {"rfilename": path, "size": len(data), "blobId": git_blob(data)}
            if path.endswith(".safetensors"):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append({**entry, **self.listed.get(path, {})})
        return json.dumps({"id": repository, "sha": COMMIT, "cardData": self.licences[repository],
                           "siblings": siblings + self.extra}).encode()

    def _handler(hub):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, data=b"", headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def send_file(self, data, start, length=None, ranged=True):
                """Sends `length` bytes from `start` with headers for the whole rest; the connection ends early if there are fewer."""
                partial = start > 0 and ranged
                start = start if partial else 0
                self.send_response(206 if partial else 200)
                if partial:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start:] if length is None else data[start:start + length])
                self.close_connection = self.close_connection or length is not None

            def do_GET(self):
                path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
                byte_range = self.headers.get("Range")
                hub.seen.append((path, byte_range, self.headers.get("Authorization")))
                if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                    return self.reply(401)
                parts = path.strip("/").split("/")
                if parts[:2] == ["api", "models"] and parts[4] == "revision":
                    name = "/".join(parts[2:4])
                    known = name in hub.repositories and parts[5] in ("main", COMMIT)
                    return self.reply(200, hub.answer_listing(name)) if known else self.reply(404)
                name, file = "/".join(parts[:2]), "/".join(parts[4:])
                data = hub.repositories.get(name, {}).get(file)
                if data is None or parts[2:4] != ["resolve", COMMIT]:
                    return self.reply(404)
                start = int(byte_range[len("bytes="):-1]) if byte_range else 0
                if file in hub.behave and hub.behave[file](self, data, start) is not False:
                    return None
                if hub.cdn and file.endswith(".safetensors"):
                    return self.reply(302, headers=[("Location", hub.cdn + self.path)])
                return self.send_file(data, start)

        return Handler
