#!/usr/bin/env python3
"""Tests of help, config, models and bench."""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import unittest

from command import BINARY, QUICK, CliTest, read_png


class General(CliTest):
    def test_help_and_version(self):
        self.assertRegex(self.succeed("--version"), r"\Aprompt2pic \d+\.\d+\.\d+\n\Z")
        for words in ["--help"], ["-h"], ["generate", "--help"], ["models", "--help"], ["pull", "--help"], ["config", "--help"], ["bench", "-h"], ["bench", "service", "-h"], ["bot", "-h"], ["api", "-h"], ["worker", "-h"], ["demo", "-h"], ["doctor", "-h"], ["health", "-h"]:
            self.assertIn("prompt2pic", self.succeed(*words))
        self.assertIn("сова", self.succeed("generate", "--help"))

    def test_wrong_commands(self):
        self.refuse(2, "missing command")
        self.refuse(2, "no command 'draw'", "draw")
        self.refuse(2, "P2P_HTTP_LISTEN", "demo", "--http-listen", "nonsense")
        self.refuse(2, "P2P_API_KEYS", "demo", "--http-listen", "0.0.0.0:8080")
        for words in ["bot"], ["api"], ["worker"], ["bench", "service"]:
            self.refuse(2, "P2P_KAFKA_BROKERS is not set", *words)
        self.refuse(2, "extra", "models", "extra")

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


class Config(CliTest):
    def values(self, *arguments, **more):
        return {row["env"]: (row["value"], row["source"]) for row in json.loads(self.succeed("config", "--json", *arguments, **more))}

    def test_sources(self):
        self.assertEqual(self.values()["P2P_MODEL"], ("emoji", "default"))
        file = os.path.join(self.folder, "p.toml")
        pathlib.Path(file).write_text('model = "of-file"\nsteps = 3\nthreads = 1\n')
        values = self.values("--config", file, "--model", "of-flag", env={"P2P_STEPS": "5", "P2P_MODEL": "of-env"})
        self.assertEqual(values["P2P_MODEL"], ("of-flag", "--model"))
        self.assertEqual(values["P2P_STEPS"], ("5", "P2P_STEPS"))
        self.assertEqual(values["P2P_THREADS"], ("1", file))
        table = self.succeed("config", env={"P2P_STEPS": "5"})
        self.assertRegex(table, r"P2P_STEPS +5 +P2P_STEPS ")

    def test_all_problems_at_once(self):
        file = os.path.join(self.folder, "p.toml")
        pathlib.Path(file).write_text("modle = 1\n")
        self.refuse(2, r"(?s)3 settings are wrong.*modle.*--threads is 'x'.*", "config", "--config", file, "--threads", "x",
                    env={"P2P_STEPS": "-1"})
        self.refuse(2, "no-such.toml", "generate", "--config", "no-such.toml", "x")
        self.refuse(2, "P2P_STEPS is '1.5'", "generate", "x", env={"P2P_STEPS": "1.5"})

    def test_unknown_variables_are_warned_of(self):
        env = {"P2P_KAFKA_BROKER": "hush:9092", "P2P_BUILD_CACHE": "/x", "P2P_JOBS": "2"}
        for code, *words in ((0, "config"), (1, "doctor"), (2, "bot"), (2, "api"), (2, "worker"), (2, "generate", "x", "--model", "none")):
            done = self.run_it(*words, env={**env, "P2P_MODEL": "none"})
            self.assertEqual(done.returncode, code, done.stderr)
            warnings = [line for line in done.stderr.decode().splitlines() if " warn " in line]
            self.assertEqual([line.split("warn  ")[1] for line in warnings], ["P2P_KAFKA_BROKER is not a setting; did you mean P2P_KAFKA_BROKERS?"])
            self.assertNotIn(b"hush", done.stdout + done.stderr)
        self.assertIn("p.toml: modle is not a setting; did you mean model?", self.unknown_key("modle = 1"))

    def unknown_key(self, line):
        file = pathlib.Path(self.folder, "p.toml")
        file.write_text(line)
        return self.run_it("config", "--config", str(file)).stderr.decode()


class Models(CliTest):
    def test_the_bundled_model(self):
        models = {model["name"]: model for model in json.loads(self.succeed("models", "--json"))}
        emoji = models["emoji"]
        self.assertEqual((emoji["width"], emoji["height"], emoji["licence"]), (128, 128, "MIT"))
        self.assertEqual(emoji["languages"], ["en", "ru"])
        self.assertEqual(emoji["weights_bytes"]["f32"], 2 * emoji["weights_bytes"]["bf16"])
        self.assertRegex(self.succeed("models"), r"(?m)^emoji .*128x128 +MIT$")

    def test_models_dir(self):
        emoji = next(m for m in json.loads(self.succeed("models", "--json")) if m["name"] == "emoji")
        os.makedirs(os.path.join(self.folder, "m"))
        os.symlink(emoji["folder"], os.path.join(self.folder, "m", "another-1"))
        os.symlink(emoji["folder"], os.path.join(self.folder, "m", "Not_A_Name"))
        os.mkdir(os.path.join(self.folder, "m", "empty"))
        env = {"P2P_MODELS_DIR": os.path.join(self.folder, "m")}
        names = [m["name"] for m in json.loads(self.succeed("models", "--json", env=env))]
        self.assertEqual(names, ["Not_A_Name", "another-1", "emoji"])
        self.refuse(2, r"no model 'nope'; there are Not_A_Name, another-1, emoji \(looked in ", "generate", "x", "--model", "nope", env=env)
        self.refuse(2, "./nope: there is no such file", "generate", "x", "--model", "./nope")
        self.refuse(1, "empty", "generate", "x", "--model", "m/empty")
        self.succeed("generate", "x", "--model", "another-1", "--output", "a.png", *QUICK, env=env)
        self.succeed("generate", "x", "--model", emoji["folder"] + "/", "--output", "b.png", *QUICK)
        self.assertIn("Model: another-1", read_png(os.path.join(self.folder, "a.png"))[3]["parameters"])
        self.assertIn("Model: emoji", read_png(os.path.join(self.folder, "b.png"))[3]["parameters"])

    def test_a_stable_diffusion_says_its_size(self):
        golden = pathlib.Path(__file__).resolve().parent.parent / "golden/stable_diffusion"
        listed = {m["name"]: m for m in json.loads(self.succeed("models", "--json", env={"P2P_MODELS_DIR": str(golden)}))}
        for name in ("sd1", "sdxl"):
            sample = json.loads((golden / name / "unet/config.json").read_text())["sample_size"]
            factor = 2 ** (len(json.loads((golden / name / "vae/config.json").read_text())["block_out_channels"]) - 1)
            self.assertEqual((listed[name]["width"], listed[name]["height"]), (sample * factor, sample * factor))

    def test_another_vae(self):
        golden = pathlib.Path(__file__).resolve().parent.parent / "golden/stable_diffusion"
        shutil.copytree(golden / "turbo/vae", pathlib.Path(self.folder, "m", "taesd"))
        env = {"P2P_MODELS_DIR": os.path.join(self.folder, "m")}
        small = ["x", "--model", str(golden / "sd1"), "--width", "64", "--height", "64", "--steps", "1", "--seed", "1"]
        self.succeed("generate", *small, "--vae", str(golden / "turbo/vae"), "--output", "a.png")
        self.succeed("generate", *small, "--vae", "taesd", "--output", "b.png", env=env)
        self.succeed("generate", *small, "--output", "c.png")
        pictures = [pathlib.Path(self.folder, name).read_bytes() for name in ("a.png", "b.png", "c.png")]
        self.assertEqual(pictures[0], pictures[1])
        self.assertNotEqual(pictures[0], pictures[2])
        self.refuse(2, "there is no vae 'taesd'.*prompt2pic pull taesd downloads it", "generate", *small, "--vae", "taesd")
        self.refuse(2, "--vae-tiling is 'maybe'; it takes auto, on or off", "generate", *small, "--vae-tiling", "maybe")

    def test_a_model_in_one_file(self):
        golden = pathlib.Path(__file__).resolve().parent.parent / "golden"
        folder = pathlib.Path(self.folder, "m")
        folder.mkdir()
        shutil.copy(golden / "single_file/sd1.safetensors", folder / "one.safetensors")
        shutil.copy(golden / "single_file/sd1.png", folder / "two.safetensors")
        env = {"P2P_MODELS_DIR": str(folder)}
        listed = {m["name"]: m for m in json.loads(self.succeed("models", "--json", env=env))}
        self.assertEqual(listed["one"]["family"], "Stable Diffusion")
        self.assertGreater(listed["one"]["weights_bytes"]["f32"], 2_000_000)
        self.assertRegex(listed["two"]["problem"], "expected a .safetensors file, found a PNG picture")
        small = ["--width", "64", "--height", "64", "--steps", "1"]
        self.refuse(1, "the tokenizer's id .* is outside the text encoder's vocabulary", "generate", "x", "--model", "one", *small, env=env)
        shutil.copytree(golden / "stable_diffusion/sdxl/tokenizer", folder / "tokenizer")  # its own tokenizer takes precedence over CLIP's
        self.succeed("generate", "x", "--model", "one", "--output", "a.png", *small, env=env)
        self.succeed("generate", "x", "--model", str(folder / "one.safetensors"), "--output", "b.png", *small)
        self.assertIn("Model: one", read_png(os.path.join(self.folder, "b.png"))[3]["parameters"])
        self.refuse(2, "there is no model 'm/none.safetensors'", "generate", "x", "--model", "m/none.safetensors")

    def test_a_broken_model_does_not_hide_the_others(self):
        emoji = next(m for m in json.loads(self.succeed("models", "--json")) if m["name"] == "emoji")
        broken = os.path.join(self.folder, "m", "broken")
        shutil.copytree(emoji["folder"], broken)
        with open(os.path.join(broken, "prompt2pic.json"), "w") as card:
            card.write('{"width": -1}')
        env = {"P2P_MODELS_DIR": os.path.join(self.folder, "m")}
        listed = {m["name"]: m for m in json.loads(self.succeed("models", "--json", env=env))}
        self.assertRegex(listed["broken"]["problem"], "prompt2pic.json: width: expected")
        self.assertEqual(listed["emoji"]["width"], 128)
        self.assertRegex(self.succeed("models", env=env), r"(?m)^broken cannot be used: .*prompt2pic.json: width: expected")

    def test_nothing_from_outside_moves_the_cursor(self):
        hostile = "\x1b[2J \x7f \u009b \u2028 \u202e \u2066 \u200f \u061c"
        emoji = next(m for m in json.loads(self.succeed("models", "--json")) if m["name"] == "emoji")
        for name, card in (("named", {"title": {"en": hostile}, "licence": hostile}), ("broken", {"width": hostile})):
            shutil.copytree(emoji["folder"], os.path.join(self.folder, "m", name))
            pathlib.Path(self.folder, "m", name, "prompt2pic.json").write_text(json.dumps(card))
        env = {"P2P_MODELS_DIR": os.path.join(self.folder, "m")}
        done = [self.run_it("models", env=env), self.run_it("models", "--json", env=env), self.run_it("generate", "x", "--model", hostile),
                self.run_it("generate", "x", "--model", b"m/\xff\x9b"), self.run_it("config", env={"P2P_MODEL": hostile}),
                self.run_it("config", "--json", env={"P2P_MODEL": hostile})]
        for output in [run.stdout + run.stderr for run in done]:
            text = output.decode()  # it is UTF-8
            self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200e\u200f\u061c]")
        self.assertIn(r"\u001b[2J \u007f \u009b \u2028 \u202e \u2066 \u200f \u061c", done[0].stdout.decode())
        self.assertIn(r"m/\xff\x9b", done[3].stderr.decode())
        listed = {m["name"]: m for m in json.loads(done[1].stdout)}
        self.assertEqual(listed["named"]["licence"], hostile)


class Doctor(CliTest):
    def test_leaves_nothing_behind(self):
        self.assertRegex(self.succeed("doctor"), r"(?m)^storage: ok: .*\ndatabase: ok: it can be written$")
        self.assertEqual(self.files(), [])
        os.mkdir(os.path.join(self.folder, "data"))
        self.succeed("doctor")
        self.assertEqual(os.listdir(os.path.join(self.folder, "data")), [])
        os.rmdir(os.path.join(self.folder, "data"))
        self.succeed("doctor", env={"P2P_DATABASE_URL": f"sqlite:///{self.folder}/a/b/x.db", "P2P_DATA_DIR": "c/d"})
        self.assertEqual(self.files(), [])
        done = self.run_it("doctor", env={"P2P_DATA_DIR": "/proc/none"})
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.decode(), r"(?m)^storage: FAILED: the folder /proc cannot be written: .*; set P2P_DATA_DIR$")


class Services(CliTest):
    def test_write_no_core_and_open_all_files(self):
        def narrow():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        env = {"P2P_KAFKA_BROKERS": "127.0.0.1:1", "P2P_HTTP_LISTEN": "127.0.0.1:0", "P2P_MODEL": "flat", "P2P_TELEGRAM_TOKEN": "1:x",
               "P2P_TELEGRAM_API_URL": "http://127.0.0.1:1"}
        for service in "bot", "api", "worker":
            process = subprocess.Popen([BINARY, service], cwd=self.folder, env={**self.env, **env}, stderr=subprocess.PIPE, preexec_fn=narrow)
            try:
                self.assertIn(b"listening", next(line for line in process.stderr if b"listening" in line))
                limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
                self.assertRegex(limits, r"(?m)^Max core file size +0 +0 ")
                self.assertRegex(limits, r"(?m)^Max open files +(\d+) +\1 ")
            finally:
                process.kill()
                process.communicate()


class Bench(CliTest):
    def test_json(self):
        result = json.loads(self.succeed("bench", "--json", "--precision", "f32", "--steps", "1", "--decoder-steps", "1"))
        self.assertEqual(set(result), {"peak_gops", "stages"})
        self.assertEqual(set(result["peak_gops"]), {"f32", "bf16", "int8"})
        self.assertEqual([stage["name"] for stage in result["stages"]], ["text", "prior", "decoder", "vae"])
        for stage in result["stages"]:
            self.assertEqual(set(stage), {"name", "seconds_per_step", "gops", "share"})
        self.refuse(2, "not expected: other", "bench", "other")


if __name__ == "__main__":
    unittest.main(verbosity=2)
