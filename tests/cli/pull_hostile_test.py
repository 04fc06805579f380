#!/usr/bin/env python3
"""Tests of prompt2pic pull with a hostile hub."""
import json
import pathlib
import subprocess
import sys
import unittest

from command import BINARY
from hub_server import COMMIT
from pull_case import REPOSITORY, TAKEN, WEIGHTS, PullTest, noise


class Hostile(PullTest):
    def test_wrong_bytes_are_fetched_once_more_and_then_refused(self):
        self.hub.listed[WEIGHTS] = {"lfs": {"sha256": "0" * 64, "size": 3_000_000}}
        done = self.refused(r"sent other bytes of unet/\S+ than it lists .*sha256 000.*, twice; they were deleted", files=TAKEN)
        self.assertEqual((self.models / ".tiny-model-v1.part" / WEIGHTS).stat().st_size, 0)
        self.assertEqual(self.hub.requests(WEIGHTS), [None, None])
        self.assertIn("downloading again", done.stderr)

    def test_wrong_bytes_once(self):
        def answer(handler, data, start):
            handler.send_file(data if len(self.hub.requests(WEIGHTS)) > 1 else noise(len(data), 9), start)
        self.hub.behave[WEIGHTS] = answer
        self.pull()
        self.check_whole()

    def test_wrong_bytes_of_small_files(self):
        self.hub.listed["tokenizer/vocab.json"] = {"blobId": "0" * 40}
        self.pull(code=1, says="other bytes of tokenizer/vocab.json than it lists .*git blob 000")
        self.hub.listed = {"model_index.json": {"blobId": "0" * 40}}
        self.pull(code=1, says="other bytes of model_index.json")

    def test_sizes_that_lie(self):
        for size in 3_000_001, 2_999_999, 10:
            self.hub.listed[WEIGHTS] = {"size": size}
            self.refused(f'lists {WEIGHTS} with {size} bytes and serves "3000000"', files=TAKEN)
        self.hub.listed[WEIGHTS] = {"size": 0}
        self.refused("other bytes of unet/", files=TAKEN)

    def test_more_bytes_than_listed_are_not_written(self):
        def answer(handler, data, start):
            handler.send_response(200)
            handler.end_headers()
            handler.close_connection = True
            try:
                while True:
                    handler.wfile.write(data)
            except OSError:
                pass
        self.hub.behave[WEIGHTS] = answer
        self.refused("sends more of unet/.* than the 3000000 bytes that it lists", files=TAKEN)
        self.assertLessEqual((self.models / ".tiny-model-v1.part" / WEIGHTS).stat().st_size, 3_000_000)

    def test_ranges_that_lie(self):
        def answer(handler, data, start):
            if start == 0:
                return handler.send_file(data, 0, 1000)
            handler.reply(206, data[:100], [("Content-Range", "bytes 0-99/3000000")])
        self.hub.behave[WEIGHTS] = answer
        self.refused("lists unet/.* with 3000000 bytes and serves .bytes 0-99/3000000", files=TAKEN)

    def test_packed_bytes(self):
        self.hub.behave[WEIGHTS] = lambda handler, data, start: handler.reply(200, b"x" * 3_000_000, [("Content-Encoding", "gzip")])
        self.refused("packed, though it was asked not to", files=TAKEN)

    def test_hostile_names(self):
        for name in "../x", "unet/../../x", "/etc/x", "unet//x", "a\\b", "unet/\x1b[2J", "unet/./x", "x" * 401, "", "unet/config.json":
            self.hub.extra = [{"rfilename": name, "size": 1, "blobId": "0" * 40}]
            self.refused("lists the file .*(could lead out|twice)")
        self.hub.extra = [{"rfilename": f"f{i}", "size": 1, "blobId": "0" * 40} for i in range(10_001)]
        self.refused("lists more than 10000 files")

    def test_hidden_and_unhashed_files_are_not_taken(self):
        self.hub.extra = [{"rfilename": "unet/.hidden.json", "size": 1, "blobId": "0" * 40}, {"rfilename": "unet/x.json", "size": 1},
                          {"rfilename": "unet/y.json", "blobId": "0" * 40}, {"rfilename": "unet/a b.json", "size": 1, "blobId": "0" * 40}]
        self.pull()
        self.check_whole()

    def test_components_that_lead_elsewhere(self):
        index = {"..": ["x", "X"], "unet/..": ["x", "X"], ".git": ["x", "X"], "unet": ["x", "X"]}
        self.hub.repositories[REPOSITORY]["model_index.json"] = json.dumps(index).encode()
        self.pull()
        self.check_whole(taken=["LICENSE.md", "model_index.json", "unet/config.json", WEIGHTS])

    def test_listings_that_are_none(self):
        for listing, says in ((b"<html>", "not valid JSON"), (b"{}", "no list"), (b'{"siblings": []}', "names no commit"),
                              (b'{"siblings": [], "sha": "../../../x"}', "names no commit"), (b"[" * 100_000, "deeper"),
                              (json.dumps({"sha": COMMIT, "siblings": [{"rfilename": "a", "blobId": "0" * 40, "size": 1 << 60}]}).encode(), "says that"),
                              (json.dumps({"sha": COMMIT, "siblings": []}).encode(), "no model in diffusers' layout")):
            self.hub.listing = listing
            self.refused(says)
        self.hub.listing = b" " * (17 << 20)
        self.refused("answered more than")

    def test_pickles_alone(self):
        files = self.hub.repositories[REPOSITORY]
        for path in [path for path in files if path.startswith("unet/") and path.endswith(".safetensors")]:
            del files[path]
        self.refused("no safetensors in unet/, only .diffusion_pytorch_model.bin.; pickles can run code")
        del files["unet/diffusion_pytorch_model.bin"]
        self.refused("has no weights for the components that its model_index.json names")

    def test_a_disk_that_is_too_small(self):
        self.hub.listed[WEIGHTS] = {"size": 1 << 50}
        self.refused(r"has \d+ MB free, and 1125899907 MB are needed", files=[])
        self.assertEqual(self.hub.requests(WEIGHTS), [])

    def test_redirects(self):
        for target, says in (("file:///etc/passwd", "where nobody may follow"), ("ftp://127.0.0.1/x", "where nobody may follow"),
                             ("/" + REPOSITORY + f"/resolve/{COMMIT}/{WEIGHTS}", "redirects more than 5 times")):
            self.hub.behave[WEIGHTS] = lambda handler, data, start: handler.reply(302, headers=[("Location", target)])
            self.refused(says, files=TAKEN)

    def test_a_hub_outside_leads_to_no_private_address(self):
        script = pathlib.Path(__file__).with_name("outside_hub.py")
        done = subprocess.run(["unshare", "--map-root-user", "--net", sys.executable, script], env=self.env | {"P2P_BINARY": BINARY},
                              capture_output=True, text=True, timeout=120)
        if "unshare failed" in done.stderr:
            self.skipTest("no network namespaces here")
        self.assertEqual((done.returncode, done.stdout), (0, "refused: 127.0.0.1 localhost 10.1.2.3\nfollowed: 203.0.113.2\n"), done.stderr)

    def test_endless_headers(self):
        def answer(handler, data, start):
            handler.send_response(200)
            handler.close_connection = True
            try:
                while True:
                    handler.wfile.write(b"X-A: " + b"x" * 1000 + b"\r\n")
            except OSError:
                pass
        self.hub.behave["unet/config.json"] = answer
        self.refused("what has come is kept", files=set(TAKEN) - {WEIGHTS})


if __name__ == "__main__":
    unittest.main(verbosity=2)
