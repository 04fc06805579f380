#!/usr/bin/env python3
"""prompt2pic pull (P2P_BINARY) against a hub on this machine that breaks off, lies and misleads. Python's standard library alone."""
import json
import os
import pathlib
import pty
import random
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from hub_server import COMMIT, Hub

BINARY = os.path.abspath(os.environ["P2P_BINARY"])
REPOSITORY = "someone/Tiny_Model.v1"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


def safetensors(size, seed):
    header = json.dumps({"a": {"dtype": "U8", "shape": [size - 80], "data_offsets": [0, size - 80]}}).encode().ljust(72)
    return len(header).to_bytes(8, "little") + header + noise(size - 80, seed)


def model_files():
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "X"],
             "tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": ["x", "X"], "feature_extractor": ["x", "X"],
             "image_encoder": [None, None], "requires_safety_checker": True}
    return {".gitattributes": b"x", "README.md": b"hello", "LICENSE.md": b"do good", "model_index.json": json.dumps(index).encode(),
            "unet/config.json": b"{}", WEIGHTS: safetensors(3_000_000, 0), "unet/diffusion_pytorch_model.fp16.safetensors": safetensors(1_000, 1),
            "unet/diffusion_pytorch_model.bin": b"pickle", "unet/code.py": b"import os", "scheduler/scheduler_config.json": b"{}",
            "tokenizer/vocab.json": b"{}", "tokenizer/merges.txt": b"#version", "safety_checker/model.safetensors": b"checker",
            "safety_checker/config.json": b"{}", "feature_extractor/preprocessor_config.json": b"{}", "whole.safetensors": b"all of it"}


TAKEN = ["LICENSE.md", "model_index.json", "scheduler/scheduler_config.json", "tokenizer/merges.txt", "tokenizer/vocab.json",
         "unet/config.json", WEIGHTS]


class PullTest(unittest.TestCase):
    def setUp(self):
        self.hub = self.new_hub()
        self.hub.add(REPOSITORY, model_files(), license="mit")
        self.models = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.models)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("P2P_")}
        self.env |= {"P2P_MODELS_DIR": str(self.models), "P2P_HUB_URL": self.hub.url}

    def new_hub(self):
        hub = Hub()
        self.addCleanup(hub.close)
        return hub

    def run_it(self, *arguments, env=None, **more):
        return subprocess.run([BINARY, *arguments], env={**self.env, **(env or {})}, capture_output=True, text=True, timeout=120, **more)

    def pull(self, *arguments, code=0, says="", **more):
        done = self.run_it("pull", *(arguments or (REPOSITORY,)), **more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        if says:
            self.assertRegex(done.stderr if code else done.stdout, says)
        return done

    def tree(self, folder):
        root = self.models / folder
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != ".pulled.json"}

    def check_whole(self, folder="tiny-model-v1", taken=TAKEN):
        files = self.tree(folder)
        files.pop("prompt2pic.json")
        self.assertEqual(files, {path: self.hub.repositories[REPOSITORY][path] for path in taken})
        self.assertEqual(os.listdir(self.models), [folder])

    def refused(self, says, code=1, files=None, **more):
        """It fails and says so, and there is no model; what is left in the hidden folder is `files`, or no folder at all."""
        done = self.pull(code=code, says=says, **more)
        self.assertEqual(done.stdout, "")
        self.assertEqual(os.listdir(self.models), [] if files is None else [".tiny-model-v1.part"])
        if files is not None:
            self.assertEqual(set(self.tree(".tiny-model-v1.part")), set(files))
        return done


class Pull(PullTest):
    def test_what_is_needed_is_taken_and_nothing_else(self):
        done = self.pull(says=rf"\A{self.models}/tiny-model-v1, 3\.0 MB, licence: mit\nP2P_MODELS_DIR=\S+ prompt2pic generate --model tiny-model-v1 ")
        self.assertIn(f"{REPOSITORY} at {COMMIT}: {len(TAKEN)} files, 3.0 MB\nlicence: mit\n", done.stderr)
        self.check_whole()
        card = json.loads((self.models / "tiny-model-v1/prompt2pic.json").read_text())
        self.assertEqual(card, {"title": {"en": "Tiny_Model.v1"}, "licence": "mit"})

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
        terminal, other_end = pty.openpty()
        process = subprocess.Popen([BINARY, "pull", REPOSITORY], env={**self.env, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=other_end)
        os.close(other_end)
        shown = b""
        try:
            while select.select([terminal], [], [], 60)[0] and (part := os.read(terminal, 4096)):
                shown += part
        except OSError:  # the other end is closed
            pass
        os.close(terminal)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(shown.decode(), r"\r\[#+-+\] \d\.\d MB of 3\.0 MB, \S+ MB/s  ETA 0:0\d\x1b\[K")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-80:])

    def test_wrong_usage(self):
        self.pull("nope", code=2, says="there are wuerstchen, sd-1-5, lcm-dreamshaper, sd-turbo, sdxl-turbo, taesd, and any repository")
        for arguments, says in ((["../x"], "no model '../x'"), ([REPOSITORY, "--variant", "bf16"], "takes fp16"),
                                ([REPOSITORY, "--name", ".."], "--name is '..'"), ([REPOSITORY, "two"], "not expected")):
            self.pull(*arguments, code=2, says=says)
        self.assertEqual(self.run_it("pull").returncode, 2)
        self.refused("P2P_MODELS_DIR is not set", code=2, env={"P2P_MODELS_DIR": ""})
        self.pull("someone/none", code=2, says="no repository someone/none with the revision main")
        self.pull(REPOSITORY, "--revision", "v9", code=2, says="with the revision v9")
        self.assertEqual(os.listdir(self.models), [])


class Resume(PullTest):
    def break_off(self, at, times):
        """The first `times` answers about the weights end after `at` more bytes."""
        def answer(handler, data, start):
            if len(self.hub.requests(WEIGHTS)) > times:
                return False
            handler.send_file(data, start, at)
        self.hub.behave[WEIGHTS] = answer

    def test_what_breaks_off_goes_on_from_there(self):
        self.break_off(1_100_000, 2)
        done = self.pull()
        self.assertEqual(self.hub.requests(WEIGHTS), [None, "bytes=1100000-", "bytes=2200000-"])
        self.assertIn("transfer closed", done.stderr)
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

    def test_leftovers_of_another_pull_do_not_stay(self):
        part = self.models / ".tiny-model-v1.part"
        (part / "unet").mkdir(parents=True)
        (part / "unet/old.safetensors").write_bytes(b"old")
        (part / WEIGHTS).write_bytes(noise(3_000_000, 7))
        os.symlink("/etc/passwd", part / "model_index.json")
        self.pull()
        self.check_whole()

    def test_a_full_disk(self):
        # A limit on file size stands in for the disk: writing fails in the middle in the same way.
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        self.refused("cannot be written: File too large", files=TAKEN, preexec_fn=limit)
        self.pull()
        self.check_whole()


class Hostile(PullTest):
    def test_wrong_bytes_are_fetched_once_more_and_then_refused(self):
        self.hub.listed[WEIGHTS] = {"lfs": {"sha256": "0" * 64, "size": 3_000_000}}
        done = self.refused(r"sent other bytes of unet/\S+ than it lists .*sha256 000.*, twice; they were deleted", files=TAKEN)
        self.assertEqual((self.models / ".tiny-model-v1.part" / WEIGHTS).stat().st_size, 0)
        self.assertEqual(self.hub.requests(WEIGHTS), [None, None])
        self.assertIn("fetched anew", done.stderr)

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
        self.refused("no model in diffusers' layout")

    def test_a_disk_that_is_too_small(self):
        self.hub.listed[WEIGHTS] = {"size": 1 << 50}
        self.refused(r"has \d+ MB free, and 1125899907 MB are needed", files=[])
        self.assertEqual(self.hub.requests(WEIGHTS), [])

    def test_redirects(self):
        for target, says in (("file:///etc/passwd", "where nobody may follow"), ("ftp://127.0.0.1/x", "where nobody may follow"),
                             ("/" + REPOSITORY + f"/resolve/{COMMIT}/{WEIGHTS}", "redirects more than 5 times")):
            self.hub.behave[WEIGHTS] = lambda handler, data, start: handler.reply(302, headers=[("Location", target)])
            self.refused(says, files=TAKEN)

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
                return handler.reply(403)  # a link that has run out
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
