"""Base of the pull tests: a local hub with one repository, and the files that pull takes from it."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

from command import BINARY
from hub_server import Hub

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
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("P2P_", "HF_"))}
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
        """Checks that pull fails with a message and leaves no model; the hidden folder contains `files`, or does not exist."""
        done = self.pull(code=code, says=says, **more)
        self.assertEqual(done.stdout, "")
        self.assertEqual(os.listdir(self.models), [] if files is None else [".tiny-model-v1.part"])
        if files is not None:
            self.assertEqual(set(self.tree(".tiny-model-v1.part")), set(files))
        return done
