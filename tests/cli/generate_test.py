#!/usr/bin/env python3
"""Tests of prompt2pic generate with the bundled model: pictures, output, errors and files."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from command import BINARY, QUICK, CliTest, on_a_terminal, read_png, rgb_of

# The bundled model would be too fast to interrupt; these arguments take a while on any machine.
LONG = ["--steps", "1000", "--decoder-steps", "1000"]


class CompiledNetworks(CliTest):
    def draw(self, name, cache):
        self.succeed("generate", "fox", "--seed", "3", *QUICK, "--output", name, env={"P2P_CACHE_DIR": cache})
        return pathlib.Path(self.folder, name).read_bytes()

    def test_they_are_kept_and_draw_the_same(self):
        cache = pathlib.Path(self.folder, "cache")
        first = self.draw("off.png", "off")
        self.assertEqual(self.files(), ["off.png"])
        self.assertEqual(self.draw("fresh.png", "cache"), first)
        kept = sorted(path.name for path in cache.glob("*.blob"))
        self.assertGreater(len(kept), 5)
        self.assertEqual(cache.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.draw("kept.png", "cache"), first)
        self.assertEqual(sorted(path.name for path in cache.glob("*.blob")), kept, "it takes what is there")

    def test_what_was_changed_is_not_used(self):
        first = self.draw("fresh.png", "cache")
        for path in pathlib.Path(self.folder, "cache").glob("*.blob"):
            path.chmod(0o600)
            data = bytearray(path.read_bytes())
            for at in range(200, len(data), 97):
                data[at] ^= 0x55
            path.write_bytes(data)
        self.assertEqual(self.draw("again.png", "cache"), first)

    def test_without_a_place_for_them_it_draws(self):
        self.assertEqual(self.draw("nowhere.png", "/proc/none"), self.draw("off.png", "off"))


class Generate(CliTest):
    def draw(self, *arguments, **more):
        return json.loads(self.succeed("generate", "--json", *arguments, **more))

    def png(self, name):
        return read_png(os.path.join(self.folder, name))

    def test_it_draws_what_diffusers_draws(self):
        golden = pathlib.Path(__file__).resolve().parent.parent / "golden/emoji"
        for case in json.loads((golden / "expected.json").read_text())[:3]:
            options = [f"--{name.replace('_', '-')}={case[name]}" for name in ("seed", "width", "height", "steps", "guidance", "decoder_steps", "decoder_guidance")]
            self.succeed("generate", case["prompt"], *options, "--precision=f32", "--output", "drawn.png")
            pairs = list(zip(rgb_of(os.path.join(self.folder, "drawn.png")), rgb_of(golden / case["file"]), strict=True))
            self.assertLessEqual(max(abs(ours - theirs) for ours, theirs in pairs), 3, case["prompt"])
            self.assertGreater(max(ours for ours, _ in pairs) - min(ours for ours, _ in pairs), 50, "a picture, not one colour")

    def test_json_is_one_line_with_everything(self):
        text = self.succeed("generate", "лиса на синем фоне", "--seed", "7", "--output", "fox.png", "--json", *QUICK)
        self.assertEqual(text.count("\n"), 1)
        result = json.loads(text)
        self.assertEqual(set(result), {"files", "seed", "width", "height", "seconds", "peak_anon_bytes"})
        self.assertEqual((result["files"], result["seed"], result["width"], result["height"]), (["fox.png"], 7, 128, 128))
        seconds = result["seconds"]
        self.assertEqual(set(seconds), {"load", "text", "prior", "decoder", "vae", "encode", "first_step", "total"})
        self.assertGreaterEqual(seconds["first_step"], seconds["load"])
        self.assertGreaterEqual(seconds["total"], seconds["first_step"])
        self.assertGreater(result["peak_anon_bytes"], 1 << 16)
        width, height, _, texts = self.png("fox.png")
        self.assertEqual((width, height), (128, 128))
        self.assertTrue(texts["parameters"].startswith("лиса на синем фоне"), texts)
        self.assertIn("Seed: 7", texts["parameters"])

    def test_words_for_people(self):
        done = self.run_it("generate", "a", "red", "apple", "--seed=3", *QUICK)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertRegex(done.stdout.decode(), r"\Aprompt2pic-3\.png  128x128, seed 3\nseconds: load [\d.]+, text .*total [\d.]+\n\Z")
        self.assertRegex(done.stderr.decode(), r"(?m)^prior 0/2$")
        self.assertNotIn("\x1b", done.stderr.decode())
        self.assertTrue(self.png("prompt2pic-3.png")[3]["parameters"].startswith("a red apple\n"))
        self.succeed("generate", "a red apple", "--seed", "3", *QUICK)
        self.assertEqual(self.files(), ["prompt2pic-3.png", "prompt2pic-3_2.png"])

    def test_prompts_of_every_kind(self):
        for prompt, arguments in [("-fox", ["--", "-fox"]), ("[a, b] {}", ["[a, b]", "{}"]), ("-5 degrees", ["-5", "degrees"]),
                                  ("models -- help", ["models", "--", "--", "help"]), ("", [""]), ("a\nb", ["a\nb"])]:
            self.draw("--output", "p.png", *QUICK, *arguments)
            self.assertTrue(self.png("p.png")[3]["parameters"].startswith(prompt + "\n"), prompt)
        self.draw("-", "--output", "p.png", *QUICK, stdin="пингвин\n")
        self.assertTrue(self.png("p.png")[3]["parameters"].startswith("пингвин\n"))
        self.draw("a", "--negative", "-1 red", "--output", "n.png", *QUICK)
        self.assertIn("Negative prompt: -1 red\n", self.png("n.png")[3]["parameters"])
        self.draw("fox", "--negative=", "--output", "n.png", *QUICK)
        self.assertTrue(self.png("n.png")[3]["parameters"].startswith("fox\n"))
        self.assertNotIn("Negative", self.png("n.png")[3]["parameters"])

    def test_extension_picks_the_format(self):
        for name, first, mark in (("fox.jpg", b"\xff\xd8\xff", b"Exif\0\0MM"), ("fox.jpeg", b"\xff\xd8\xff", b"Exif\0\0MM"), ("fox.WEBP", b"RIFF", b"EXIF")):
            self.assertEqual(self.draw("лиса", "--seed", "1", "--output", name, *QUICK)["files"], [name])
            data = pathlib.Path(self.folder, name).read_bytes()
            self.assertTrue(data.startswith(first) and mark in data, name)
            self.assertIn(b"UNICODE\0" + "лиса\nSteps: 2, ".encode("utf-16-be"), data)
        self.assertEqual(self.draw("fox", "--count", "2", "--output", "owl.webp", *QUICK)["files"], ["owl-1.webp", "owl-2.webp"])
        self.refuse(2, "pictures are PNG, JPEG or WebP files: name it fox.png, fox.jpg or fox.webp", "generate", "x", "--output", "fox.gif", *LONG)

    def test_count_equals_runs_of_their_own(self):
        many = self.draw("owl", "--seed", "41", "--count", "2", "--output", "owl", *QUICK)
        self.assertEqual(many["files"], ["owl-1.png", "owl-2.png"])
        self.assertEqual(many["seed"], 41)
        self.draw("owl", "--seed", "42", "--output", "one.png", *QUICK)
        self.assertEqual(self.files(), ["one.png", "owl-1.png", "owl-2.png"])
        self.assertEqual(self.png("owl-2.png")[2], self.png("one.png")[2])
        self.assertNotEqual(self.png("owl-1.png")[2], self.png("one.png")[2])

    def test_seeds(self):
        self.assertEqual(self.draw("x", "--seed", str(2**64 - 1), *QUICK)["seed"], 2**64 - 1)
        self.assertNotEqual(self.draw("x", *QUICK)["seed"], self.draw("x", "--seed", "-1", *QUICK)["seed"])

    def test_settings_reach_the_picture(self):
        self.draw("x", "--output", "a.png", "--seed", "1", "--guidance", "2.5", env={"P2P_STEPS": "3", "P2P_DECODER_STEPS": "1"})
        self.assertIn("Steps: 3, ", self.png("a.png")[3]["parameters"])
        self.assertIn("CFG scale: 2.5", self.png("a.png")[3]["parameters"])

    def test_info_and_from(self):
        self.draw("a fox,\nred", "--negative", "cat: blue", "--output", "a.png", "--seed", "5", "--guidance", "2.5", *QUICK)
        for name in ("b.jpg", "b.webp"):
            self.draw("--from", "a.png", "--output", name)
        told = [json.loads(self.succeed("info", name, "--json")) for name in ("a.png", "b.jpg", "b.webp")]
        for info in told:
            self.assertEqual(info["prompt"], "a fox,\nred")
            self.assertEqual(info["negative_prompt"], "cat: blue")
            self.assertEqual(info["parameters"], told[0]["parameters"])
        self.assertEqual(told[0]["parameters"]["Seed"], "5")
        self.draw("--from", "a.png", "--output", "c.png")
        self.assertEqual(self.png("c.png")[2], self.png("a.png")[2])
        self.draw("an owl", "--from", "a.png", "--seed", "6", "--output", "d.png")
        self.assertTrue(self.png("d.png")[3]["parameters"].startswith("an owl\nNegative prompt: cat: blue\n"))
        self.assertIn("Seed: 6,", self.png("d.png")[3]["parameters"])
        self.assertRegex(self.succeed("info", "a.png"), r"\nNegative prompt +cat: blue\n")
        data = pathlib.Path(self.folder, "a.png").read_bytes()
        pathlib.Path(self.folder, "e.png").write_bytes(data.replace(b"parameters", b"parameterz"))
        self.refuse(1, "e.png: the picture says nothing about how it was made", "info", "e.png")
        self.refuse(2, "none.png: cannot be read", "info", "none.png")

    def test_prompt_syntax_that_a_model_does_not_have_is_said(self):
        self.draw("a [fox:cat:0.5]", "--clip-skip", "2", "--output", "a.png", *QUICK)
        self.assertIn("this model reads prompts literally", self.png("a.png")[3]["parameters"])

    def test_variations(self):
        first, second, again = (self.draw("x", "--seed", "1", "--output", "a.png", *more, *QUICK) and self.png("a.png")
                                for more in ((), ("--variation", "2", "--strength", "0.5"), ("--variation", "2", "--variation", str(2**64 - 1))))
        self.assertEqual(len({picture[2] for picture in (first, second, again)}), 3)
        self.assertIn(f"Varied with seeds: 2 {2**64 - 1}, Denoising strength: 0.6", again[3]["parameters"])

    def test_wrong_values(self):
        for option, values in {"--seed": ["-2", "1.0", "x", "", str(2**64)], "--steps": ["0", "1001", "1e1"], "--decoder-steps": ["-1"],
                               "--guidance": ["-1", "51", "nan", "inf"], "--decoder-guidance": ["x"], "--width": ["15", "8193", "128px"],
                               "--height": ["-128"], "--strength": ["1.1", "-1"], "--upscale": ["0.5", "5"], "--variation": ["-1", "x"], "--count": ["0", "1001"], "--threads": ["-1"], "--precision": ["f16", ""]}.items():
            for value in values:
                self.refuse(2, re.escape(f"{option} is '{value}'"), "generate", "x", option, value)
        self.refuse(2, "int8 comes in a later version", "generate", "x", "--precision", "int8")
        self.refuse(2, "own sampler", "generate", "x", "--sampler", "euler")
        self.refuse(2, "no learned words", "generate", "x", "--embedding", "word.safetensors")
        self.refuse(2, "no sampler dpm; there are pndm, ddim", "generate", "x", "--sampler", "dpm")
        self.refuse(2, "takes no LoRAs; leave a:b out", "generate", "x", "--lora", "a:b")
        self.refuse(2, "name one with --image, or add --variation or --upscale", "generate", "x", "--strength", "0.5")
        self.refuse(2, "nowhere.png: there is no such file", "generate", "x", "--image", "nowhere.png")
        self.refuse(2, "cannot draw a picture again at --upscale", "generate", "x", "--upscale", "2")
        self.refuse(2, "no option --sed", "generate", "x", "--sed", "1")
        self.assertEqual(self.files(), [])

    def test_previews(self):
        golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/stable_diffusion")
        small = ["generate", "a fox", "--steps", "3", "--width", "64", "--height", "64", "--seed", "1", "--output", "a.png", "--preview", "p.png"]
        self.succeed(*small, "--model", f"{golden}/sd1")
        drawn, preview = self.png("a.png"), self.png("p.png")
        self.assertEqual(preview[:2], drawn[:2])
        self.assertNotEqual(preview[2], drawn[2])
        self.succeed(*small, "--model", f"{golden}/sd1", "--preview-vae", f"{golden}/turbo/vae")
        self.assertEqual(self.png("a.png")[2], drawn[2], "the picture itself is as without")
        self.assertNotEqual(self.png("p.png")[2], preview[2])
        os.remove(os.path.join(self.folder, "p.png"))
        self.succeed(*small)  # the bundled model
        self.assertNotEqual(self.png("p.png")[2], self.png("a.png")[2])
        os.remove(os.path.join(self.folder, "p.png"))
        self.assertIn(b"nothing to preview", self.run_it(*small[:2], "--steps", "1", "--decoder-steps", "1", *small[4:]).stderr)
        self.assertEqual(self.files(), ["a.png"])
        self.refuse(2, "there is no vae 'taesd'", *small, "--preview-vae", "taesd")
        self.refuse(2, "the folder nowhere for the pictures does not exist", *small[:-1], "nowhere/p.png")

    def test_loras(self):
        golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden")
        small = ["--model", f"{golden}/stable_diffusion/sd1", "--steps", "1", "--width", "64", "--height", "64", "--output", "a.png"]
        files = [f"{golden}/lora/{name}.safetensors" for name in ("sd1-lora", "sd1-peft", "sd1-kohya")]
        self.succeed("generate", "a", "--lora", files[0], "fox", "--lora", f"{files[1]}:-0.5", "<lora:sd1-kohya:2>", *small,
                     env={"P2P_LORAS_DIR": f"{golden}/lora"})
        self.assertTrue(read_png(os.path.join(self.folder, "a.png"))[3]["parameters"].startswith(
            "a fox  <lora:sd1-lora:1> <lora:sd1-peft:-0.5> <lora:sd1-kohya:2>\n"))
        self.refuse(1, "none:101: there is no such file", "generate", "x", "--lora", "none:101", *small)
        self.refuse(2, "takes a folder that exists", "generate", "x", *small, env={"P2P_LORAS_DIR": "none"})

    def test_safety(self):
        golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden")
        model = os.path.join(self.folder, "model")
        shutil.copytree(f"{golden}/stable_diffusion/sd1", model)
        shutil.copytree(f"{golden}/safety/published", model, dirs_exist_ok=True)
        small = ["generate", "x", "--model", model, "--steps", "1", "--width", "64", "--height", "64", "--seed", "1", "--json"]
        for adjustment, flagged in [("1", True), ("-1", False)]:
            safety = json.loads(self.succeed(*small, "--output", f"{adjustment}.png", "--safety", adjustment))["safety"]
            self.assertEqual((safety["flagged"], safety["score"] > 0), (flagged, flagged))
        self.assertNotIn("safety", json.loads(self.succeed(*small, env={"P2P_SAFETY": "off"})))
        self.refuse(2, "off, or a number from -1 to 1", "generate", "x", "--safety", "2")
        self.refuse(1, "no safety checker.*safety = off", "generate", "x", "--safety", "0")

    def test_wrong_prompts(self):
        self.refuse(2, "say what to draw", "generate")
        self.refuse(2, "say what to draw", "generate", "--")
        self.refuse(2, "standard input holds no prompt", "generate", "-")
        self.refuse(2, "UTF-8", "generate", b"\xff\xfe")
        self.refuse(2, "--negative is not UTF-8", "generate", "x", "--negative", b"\xc3")
        self.refuse(2, "the prompt has 16385 bytes, and at most 16384 are taken", "generate", "x" * 16385)
        self.refuse(2, "the prompt has 20000 bytes, and at most 16384 are taken", "generate", "-", stdin="ж" * 10000)
        self.refuse(2, "--negative has 16386 bytes", "generate", "x", "--negative", "ж" * 8193)
        self.refuse(2, "there is no model 'none'", "generate", "ж" * 8192, "--model", "none")

    def test_wrong_outputs_are_refused_before_drawing(self):
        os.mkdir(os.path.join(self.folder, "d.png"))
        started = time.monotonic()
        for output in ["fox.gif", "no/such/fox.png", "d.png", "d.png/", "-", ""]:
            self.refuse(2, "--output|PNG, JPEG or WebP|folder|files", "generate", "x", "--output", output, *LONG)
        self.refuse(1, "x.png cannot be written", "generate", "x", "--output", "/proc/x.png", *LONG)
        self.assertLess(time.monotonic() - started, 60)
        self.assertEqual(self.files(), ["d.png"])

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_folder_without_write_permission(self):
        os.chmod(self.folder, 0o500)
        self.refuse(1, "x.png cannot be written: Permission denied", "generate", "x", "--output", "x.png", *LONG)

    def test_full_disk_leaves_the_old_file(self):
        self.draw("x", "--output", "x.png", *QUICK)
        before = pathlib.Path(self.folder, "x.png").read_bytes()
        # A limit on file size simulates a full disk: writing fails in the middle.
        done = subprocess.run(["sh", "-c", 'trap "" XFSZ; ulimit -f 1; exec "$@"', "sh", BINARY, "generate", "y", "--width", "256", "--height",
                               "256", "--output", "x.png", *QUICK], cwd=self.folder, env=self.env, capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 1, done.stderr.decode())
        self.assertIn("x.png cannot be written: File too large", done.stderr.decode())
        self.assertEqual(done.stdout, b"")
        self.assertEqual(self.files(), ["x.png"])
        self.assertEqual(pathlib.Path(self.folder, "x.png").read_bytes(), before)

    def test_a_link_is_followed(self):
        os.symlink("real.png", os.path.join(self.folder, "link.png"))
        pathlib.Path(self.folder, "real.png").write_bytes(b"old")
        self.draw("x", "--output", "link.png", *QUICK)
        self.assertTrue(os.path.islink(os.path.join(self.folder, "link.png")))
        self.png("real.png")

    def start_long(self, wait_for, **more):
        process = subprocess.Popen([BINARY, "generate", "x", "--output", "x.png", *LONG], cwd=self.folder, env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if line.startswith(wait_for):
                return process
        self.fail(f"never said {wait_for}")

    def test_interrupts(self):
        for number, wait_for in (signal.SIGINT, b"prior 0/"), (signal.SIGTERM, b"prior 0/"), (signal.SIGINT, b"loading"):
            process = self.start_long(wait_for)
            if wait_for != b"loading":
                time.sleep(0.2)
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=60), 130)
            self.assertEqual(process.stdout.read(), b"")
            self.assertEqual(self.files(), [])

    def test_a_bar_on_a_terminal(self):
        code, out, shown = on_a_terminal([BINARY, "generate", "x", "--output", "x.png", "--json", *QUICK], cwd=self.folder,
                                         env={**self.env, "TERM": "xterm"})
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["files"], ["x.png"])
        self.assertRegex(shown.decode(), r"prior +\[#+-+\] 1/2  ETA \d+:\d\d")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-80:])
        self.assertNotIn(b"\n", shown)


if __name__ == "__main__":
    unittest.main(verbosity=2)
