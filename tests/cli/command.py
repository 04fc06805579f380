"""Helpers of the command line tests, which run the binary P2P_BINARY. Uses only Python's standard library."""
import os
import pathlib
import pty
import select
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

BINARY = os.path.abspath(os.environ["P2P_BINARY"])
QUICK = ["--steps", "2", "--decoder-steps", "2"]


def read_png(path):
    """Returns width, height, pixel bytes (including filter bytes) and text chunks; fails unless the file is a complete PNG."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    at, size, pixels, texts, kinds = 8, None, b"", {}, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0], (path, kind)
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            pixels += body
        elif kind == b"tEXt":
            key, value = body.split(b"\0", 1)
            texts[key.decode()] = value.decode("latin-1")
        elif kind == b"iTXt":
            key, rest = body.split(b"\0", 1)
            packed, rest = rest[0], rest[2:].split(b"\0", 2)[2]
            texts[key.decode()] = (zlib.decompress(rest) if packed else rest).decode()
        kinds.append(kind)
        at += 12 + length
    assert kinds[-1] == b"IEND", path
    return size[0], size[1], zlib.decompress(pixels), texts


def rgb_of(path):
    """The unfiltered pixels of a PNG, 8 bits each of red, green and blue."""
    width, height, filtered, _ = read_png(path)
    stride, rows = 3 * width, [bytes(3 * width)]
    for at in range(0, height * (stride + 1), stride + 1):
        kind, row, above = filtered[at], bytearray(filtered[at + 1:at + 1 + stride]), rows[-1]
        for i in range(stride):
            a, b, c = (row[i - 3], above[i], above[i - 3]) if i >= 3 else (0, above[i], 0)
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 0xFF
        rows.append(bytes(row))
    return b"".join(rows[1:])


def on_a_terminal(command, **more):
    """Runs the command with stderr on a terminal. Returns exit code, stdout, and the terminal output."""
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=other_end, **more)
    os.close(other_end)
    shown = b""
    try:
        while select.select([terminal], [], [], 300)[0] and (part := os.read(terminal, 4096)):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return process.wait(timeout=60), process.communicate()[0], shown


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        # Compiled networks are kept between tests, as for a user.
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("P2P_")} | {"P2P_CACHE_DIR": os.path.join(os.path.dirname(BINARY), "networks"), "XDG_DATA_HOME": os.path.join(self.folder, "data")}

    def run_it(self, *arguments, stdin="", env=None):
        return subprocess.run([BINARY, *arguments], cwd=self.folder, env={**self.env, **(env or {})}, input=stdin.encode(),
                              capture_output=True, timeout=300)

    def succeed(self, *arguments, **more):
        done = self.run_it(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def refuse(self, code, pattern, *arguments, **more):
        done = self.run_it(*arguments, **more)
        self.assertEqual(done.returncode, code, (arguments, done.stderr.decode(), done.stdout.decode()))
        self.assertEqual(done.stdout, b"")
        self.assertRegex(done.stderr.decode(errors="replace"), r"(?m)^prompt2pic: ")
        self.assertRegex(done.stderr.decode(errors="replace"), pattern)

    def files(self):
        return sorted(os.listdir(self.folder))
