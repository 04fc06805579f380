#!/usr/bin/env python3
"""Tests of prompt2pic pull: selected files, resuming after an interruption, use of the token."""
import email.utils
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

from command import BINARY, on_a_terminal
from hub_server import COMMIT
from pull_case import REPOSITORY, TAKEN, WEIGHTS, PullTest, model_files, noise


class Pull(PullTest):
    def test_what_is_needed_is_taken_and_nothing_else(self):
        done = self.pull(says=rf"\A{self.models}/tiny-model-v1, 3\.0 MB, licence: mit\nP2P_MODELS_DIR=\S+ prompt2pic generate --model tiny-model-v1 ")
        self.assertIn(f"{REPOSITORY} at {COMMIT}: {len(TAKEN)} files, 3.0 MB\nlicence: mit\n", done.stderr)
        self.check_whole()
        card = json.loads((self.models / "tiny-model-v1/prompt2pic.json").read_text())
        self.assertEqual(card, {"title": {"en": "Tiny_Model.v1"}, "licence": "mit"})

    def test_without_models_dir_the_folder_of_user_data_is_taken(self):
        data = self.models / "data"
        env = {"P2P_MODELS_DIR": "", "XDG_DATA_HOME": str(data)}
        self.pull(env=env, says="data/prompt2pic/models/tiny-model-v1, 3.0 MB")
        self.assertEqual((data / "prompt2pic/models/tiny-model-v1" / WEIGHTS).read_bytes(), model_files()[WEIGHTS])
        self.assertIn("tiny-model-v1", self.run_it("models", env=env).stdout)

    def test_a_second_pull_looks_at_sizes_and_asks_nobody(self):
        self.pull()
        asked = len(self.hub.seen)
        self.pull(says=r"\Aalready here: .*tiny-model-v1, 3\.0 MB, licence: mit")
        self.assertEqual(len(self.hub.seen), asked)
        os.truncate(self.models / "tiny-model-v1" / WEIGHTS, 10)
        self.pull(code=2, says="is there already and is not Tiny_Model.v1 as it was pulled: .*has 10 bytes instead of 3000000")
        self.hub.add("other/Tiny_Model.v1", model_files())
        self.pull("other/Tiny_Model.v1", "--name", "mine", says="mine, 3.0 MB, licence: the repository names none")
        self.pull("someone/else", "--name", "mine", code=2, says="it is made from other/Tiny_Model.v1; delete it, or take another --name")

    def test_variants(self):
        self.pull(REPOSITORY, "--variant", "fp16", "--name", "half")
        half = "unet/diffusion_pytorch_model.fp16.safetensors"
        self.check_whole("half", [half if path == WEIGHTS else path for path in TAKEN])
        shutil.rmtree(self.models / "half")
        self.pull(REPOSITORY, "--safety-checker")
        self.check_whole(taken=TAKEN + ["safety_checker/model.safetensors", "safety_checker/config.json",
                                        "feature_extractor/preprocessor_config.json"])

    def test_two_repositories_make_one_wuerstchen_that_draws(self):
        golden = pathlib.Path(__file__).resolve().parents[1] / "golden/wuerstchen/a"
        for part, repository in ("prior", "warp-ai/wuerstchen-prior"), ("decoder", "warp-ai/wuerstchen"):
            root = golden / part
            self.hub.add(repository, {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()})
        self.pull("wuerstchen", says="wuerstchen, .* licence: MIT")
        listed = {model["name"]: model for model in json.loads(self.run_it("models", "--json").stdout)}["wuerstchen"]
        self.assertEqual((listed["licence"], listed["title"]["en"], listed["width"]), ("MIT", "Würstchen v2", 1024))
        drawn = self.run_it("generate", "x", "--model", "wuerstchen", "--width", "64", "--height", "64", "--steps", "1", "--decoder-steps", "1",
                            "--output", str(self.models / "x.png"))
        self.assertEqual(drawn.returncode, 0, drawn.stderr)

    def test_licences_that_forbid_commercial_use_are_named(self):
        self.hub.add("stabilityai/sd-turbo", model_files())
        done = self.pull("sd-turbo", says="licence: Stability AI Non-Commercial .*; it forbids commercial use")
        self.assertRegex(done.stderr, "(?m)^licence: Stability AI Non-Commercial .*; it forbids commercial use$")
        self.assertRegex(self.run_it("models").stdout, r"(?m)^sd-turbo .*512x512 .*\(no commercial use\)$")
        self.hub.licences[REPOSITORY] = {"license": "other", "license_name": "cc-by-nc-4.0"}
        self.assertFalse(json.loads(self.pull(REPOSITORY, "--json").stdout)["commercial"])
        self.assertRegex(self.pull("--help").stdout, r"sdxl-turbo +stabilityai/sdxl-turbo +Stability AI .*: no commercial use")

    def test_one_component_alone(self):
        files = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": noise(999), "diffusion_pytorch_model.bin": b"x", "LICENSE": b"MIT"}
        self.hub.add("madebyollin/taesd", files)
        self.pull("taesd", says="taesd, .*licence: MIT\nIt is one component")
        self.assertEqual(set(self.tree("taesd")), {"config.json", "diffusion_pytorch_model.safetensors", "LICENSE", "prompt2pic.json"})

    def test_a_bar_on_a_terminal(self):
        def slowly(handler, data, start):
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            for at in range(0, len(data), 1_000_000):
                handler.wfile.write(data[at:at + 1_000_000])
                time.sleep(0.3)
        self.hub.behave[WEIGHTS] = slowly
        code, _, shown = on_a_terminal([BINARY, "pull", REPOSITORY], env={**self.env, "TERM": "xterm"})
        self.assertEqual(code, 0)
        self.assertRegex(shown.decode(), r"\r\[#+-+\] \d\.\d MB of 3\.0 MB, \S+ MB/s  ETA 0:0\d\x1b\[K")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-80:])

    def test_wrong_usage(self):
        self.pull("nope", code=2, says="there are wuerstchen, sd-1-5, lcm-dreamshaper, sd-turbo, sdxl-turbo, taesd, and any repository")
        for arguments, says in ((["../x"], "'../x' names no repository; it takes OWNER/NAME"),
                                ([REPOSITORY, "--name", ".."], "--name is '..'"), ([REPOSITORY, "two"], "not expected")):
            self.pull(*arguments, code=2, says=says)
        self.assertEqual(self.run_it("pull").returncode, 2)
        self.pull("someone/none", code=2, says="no repository someone/none with the revision main")
        self.pull(REPOSITORY, "--revision", "v9", code=2, says="with the revision v9")
        self.assertEqual(os.listdir(self.models), [])


class Resume(PullTest):
    def break_off(self, at, times):
        """Ends the first `times` responses for the weights after `at` more bytes."""
        def answer(handler, data, start):
            if len(self.hub.requests(WEIGHTS)) > times:
                return False
            handler.send_file(data, start, at)
        self.hub.behave[WEIGHTS] = answer

    def test_what_breaks_off_goes_on_from_there(self):
        self.break_off(1_100_000, 2)
        done = self.pull()
        self.assertEqual(self.hub.requests(WEIGHTS), [None, "bytes=1100000-", "bytes=2200000-"])
        self.assertRegex(done.stderr, r"transfer closed with|end of response with")  # curl 7, curl 8
        self.check_whole()

    def test_a_later_pull_goes_on_and_fetches_nothing_twice(self):
        self.break_off(150_000, 5)
        self.refused("what has come is kept, the same command goes on", files=TAKEN)
        self.hub.seen.clear()
        self.hub.behave.clear()
        self.pull()
        self.assertEqual(self.hub.requests(WEIGHTS), ["bytes=750000-"])
        self.assertEqual(self.hub.requests("unet/config.json"), [], "what is whole is not asked for again")
        self.check_whole()

    def test_a_hub_without_ranges_begins_anew(self):
        def answer(handler, data, start):
            handler.send_file(data, start, 100_000 if len(self.hub.requests(WEIGHTS)) == 1 else None, ranged=False)
        self.hub.behave[WEIGHTS] = answer
        self.pull()
        self.assertEqual(self.hub.requests(WEIGHTS), [None, "bytes=100000-"])
        self.check_whole()

    def test_an_overloaded_hub_is_asked_again(self):
        def answer(handler, data, start):
            if len(self.hub.requests(WEIGHTS)) > 2:
                return False
            handler.reply(503 if start == 0 else 429)
        self.hub.behave[WEIGHTS] = answer
        self.pull()
        self.check_whole()

    def test_a_hub_that_asks_to_wait_is_asked_again_after_that(self):
        """429 with each header that names a time, more often than other failures are retried."""
        date = email.utils.formatdate(time.time() + 3, usegmt=True)
        headers = [("Retry-After", "2"), ("RateLimit", '"resolvers";r=0;t=1'), ("RateLimit", "limit=100, remaining=0, reset=1"),
                   ("RateLimit-Reset", "1"), ("Retry-After", "0"), ("Retry-After", date)]
        times = []

        def answer(handler, data, start):
            times.append(time.monotonic())
            if len(times) > len(headers):
                return False
            handler.reply(429, headers=[headers[len(times) - 1]])
        self.hub.behave[WEIGHTS] = answer
        done = self.pull()
        self.check_whole()
        self.assertEqual(len(times), len(headers) + 1)
        self.assertGreaterEqual(times[1] - times[0], 2)
        for before, after in zip(times, times[1:]):
            self.assertGreaterEqual(after - before, 1)
        self.assertRegex(done.stderr, r"answered 429, too many requests and asks to wait 2 s\n")

    def test_a_hub_that_asks_to_wait_for_an_hour(self):
        self.hub.behave[WEIGHTS] = lambda handler, data, start: handler.reply(429, headers=[("Retry-After", "3600")])
        done = self.pull(code=1, says="answered 429, too many requests and asks to wait 60 minutes; try again after that; what has come is kept")
        self.assertEqual(done.stdout, "")

    def test_a_wait_shows_that_it_goes_on(self):
        def answer(handler, data, start):
            if len(self.hub.requests(WEIGHTS)) > 1:
                return False
            handler.reply(503, headers=[("Retry-After", "11")])
        self.hub.behave[WEIGHTS] = answer
        self.assertIn("waiting for the hub, 10 s left\n", self.pull().stderr)
        self.check_whole()

    def test_an_interrupt_keeps_what_has_come(self):
        def answer(handler, data, start):
            handler.send_file(data, start, 1_000_000)
            handler.wfile.flush()
            time.sleep(20)
        self.hub.behave[WEIGHTS] = answer
        process = subprocess.Popen([BINARY, "pull", REPOSITORY], env=self.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        part = self.models / ".tiny-model-v1.part" / WEIGHTS
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size >= 1_000_000) and time.monotonic() < deadline:
            time.sleep(0.05)
        other = self.pull(code=2, says="another prompt2pic is pulling tiny-model-v1")
        self.assertEqual(other.stdout, "")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        self.assertEqual((process.returncode, out), (130, ""))
        self.assertIn("what has come is kept; the same command goes on from there", err)
        self.hub.behave.clear()
        self.hub.seen.clear()
        self.pull()
        self.assertEqual(self.hub.requests(WEIGHTS), ["bytes=1000000-"])
        self.check_whole()

    def test_another_pull_that_ends_first_is_taken(self):
        asked, go_on = threading.Event(), threading.Event()

        def answer(handler, data, start):
            del self.hub.behave["model_index.json"]
            asked.set()
            go_on.wait(30)
            return False
        self.hub.behave["model_index.json"] = answer
        with subprocess.Popen([BINARY, "pull", REPOSITORY], env=self.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow:
            self.assertTrue(asked.wait(30))
            self.pull()
            go_on.set()
            out, err = slow.communicate(timeout=30)
        self.assertEqual(slow.returncode, 0, err)
        self.assertRegex(out, "^already here: .*tiny-model-v1, ")
        self.assertEqual(len(self.hub.requests(WEIGHTS)), 1)
        self.check_whole()

    def test_leftovers_of_another_pull_do_not_stay(self):
        part = self.models / ".tiny-model-v1.part"
        (part / "unet").mkdir(parents=True)
        (part / "unet/old.safetensors").write_bytes(b"old")
        (part / WEIGHTS).write_bytes(noise(3_000_000, 7))
        os.symlink("/etc/passwd", part / "model_index.json")
        self.pull()
        self.check_whole()

    def test_a_full_disk(self):
        # A limit on file size simulates a full disk: writing fails in the middle.
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        self.refused("cannot be written: File too large", files=TAKEN, preexec_fn=limit)
        self.pull()
        self.check_whole()


class Tokens(PullTest):
    def test_a_model_that_asks_for_consent(self):
        self.hub.token = "hf_geheim"
        self.refused(f"no repository {REPOSITORY} .* for everybody at .*P2P_HUB_TOKEN", code=2)
        done = self.refused("the token in P2P_HUB_TOKEN may not read", code=2, env={"P2P_HUB_TOKEN": "hf_other"})
        self.assertNotIn("hf_other", done.stderr)
        self.pull(env={"P2P_HUB_TOKEN": "hf_geheim"})
        self.check_whole()

    def test_no_other_host_sees_the_token(self):
        store = self.new_hub()
        store.repositories = self.hub.repositories
        self.hub.token, self.hub.cdn = "hf_geheim", store.url
        def answer(handler, data, start):
            if len(store.requests(WEIGHTS)) == 1:
                return handler.send_file(data, start, 200_000)
            if len(store.requests(WEIGHTS)) == 2:
                return handler.reply(403)  # an expired link
            return False
        store.behave[WEIGHTS] = answer
        self.pull(env={"P2P_HUB_TOKEN": "hf_geheim"})
        self.check_whole()
        self.assertEqual([(byte_range, token) for _, byte_range, token in store.seen],
                         [(None, None), ("bytes=200000-", None), ("bytes=200000-", None)])
        self.assertTrue(all(token == "Bearer hf_geheim" for _, _, token in self.hub.seen))

    def test_a_proxy_and_a_hub_out_of_reach(self):
        self.refused("127.0.0.1:1.*", env={"P2P_HUB_URL": "http://127.0.0.1:1"})
        self.refused("through the proxy", env={"P2P_HUB_PROXY": "http://127.0.0.1:1"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
