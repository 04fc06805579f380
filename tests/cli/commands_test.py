#!/usr/bin/env python3
"""Help, config, models and bench, as people type them."""
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from command import BINARY, QUICK, CliTest, read_png


class General(CliTest):
    def test_help_and_version(self):
        self.assertRegex(self.succeed("--version"), r"\Aprompt2pic \d+\.\d+\.\d+\n\Z")
        for words in ["--help"], ["-h"], ["generate", "--help"], ["models", "--help"], ["pull", "--help"], ["config", "--help"], ["bench", "-h"], ["bench", "service", "-h"], ["bot", "-h"], ["api", "-h"], ["worker", "-h"], ["doctor", "-h"], ["health", "-h"]:
            self.assertIn("prompt2pic", self.succeed(*words))
        self.assertIn("сова", self.succeed("generate", "--help"))

    def test_wrong_commands(self):
        self.refuse(2, "say what to do")
        self.refuse(2, "no command 'draw'", "draw")
        self.refuse(2, "later version", "demo")
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
        self.assertEqual(names, ["another-1", "emoji"])
        self.refuse(2, r"no model 'nope'; there are another-1, emoji \(looked in ", "generate", "x", "--model", "nope", env=env)
        self.refuse(2, "no model folder ./nope", "generate", "x", "--model", "./nope")
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
        self.refuse(2, "there is no vae 'taesd'.*prompt2pic pull taesd gets it", "generate", *small, "--vae", "taesd")
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
        self.assertRegex(listed["two"]["problem"], "not a safetensors file")
        small = ["--width", "64", "--height", "64", "--steps", "1"]
        self.refuse(1, "the tokenizer's id .* is outside the text encoder's vocabulary", "generate", "x", "--model", "one", *small, env=env)
        shutil.copytree(golden / "stable_diffusion/sdxl/tokenizer", folder / "tokenizer")  # one of its own counts before CLIP's
        self.succeed("generate", "x", "--model", "one", "--output", "a.png", *small, env=env)
        self.succeed("generate", "x", "--model", str(folder / "one.safetensors"), "--output", "b.png", *small)
        self.assertIn("Model: one", read_png(os.path.join(self.folder, "b.png"))[3]["parameters"])
        self.refuse(2, "no model folder m/none.safetensors, nor such a .safetensors file", "generate", "x", "--model", "m/none.safetensors")

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
