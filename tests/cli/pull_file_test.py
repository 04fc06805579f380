#!/usr/bin/env python3
"""Tests of prompt2pic pull with what people have: addresses from a browser, repositories of one file, Hugging Face's variables."""
import json
import os
import unittest

from pull_case import REPOSITORY, WEIGHTS, PullTest, model_files, noise


def safetensors(*names):
    """Each tensor has the shape [1, 8] and random bytes."""
    header = {name: {"dtype": "F32", "shape": [1, 8], "data_offsets": [32 * i, 32 * i + 32]} for i, name in enumerate(names)}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + noise(32 * len(names))


CHECKPOINT = safetensors("model.diffusion_model.out.0.weight", "first_stage_model.decoder.conv_in.weight")
LORA = safetensors("lora_unet_down_blocks_0.lora_down.weight", "lora_unet_down_blocks_0.lora_up.weight")


class OneFile(PullTest):
    def setUp(self):
        super().setUp()
        self.loras = self.models / "own-loras"
        self.hub.add("someone/Dream_Shaper", {"README.md": b"x", "DreamShaper_8.safetensors": CHECKPOINT}, license="mit")
        self.hub.add("someone/sketch-lora", {"pytorch_lora_weights.safetensors": LORA})
        self.hub.add("someone/many", {"b.safetensors": CHECKPOINT, "in/My File.safetensors": LORA, "c.ckpt": b"x"})

    def check_file(self, path, data):
        self.assertEqual((self.models / path).read_bytes(), data)
        self.assertEqual([str(p) for p in self.models.rglob(".*")], [])

    def test_a_checkpoint(self):
        done = self.pull("someone/Dream_Shaper", says=r"dreamshaper-8\.safetensors, \d+ B, licence: mit\nP2P_MODELS_DIR=\S+ prompt2pic generate --model dreamshaper-8 ")
        self.check_file("dreamshaper-8.safetensors", CHECKPOINT)
        self.assertIn("someone/Dream_Shaper at ", done.stderr)
        self.pull("someone/Dream_Shaper", says="already here: ")
        (self.models / "dreamshaper-8.safetensors").write_bytes(b"other")
        self.pull("someone/Dream_Shaper", code=2, says="is there already and is another file; delete it, or take another --name")
        self.pull("someone/Dream_Shaper", "--name", "ds")
        self.check_file("ds.safetensors", CHECKPOINT)

    def test_a_lora(self):
        self.pull("someone/sketch-lora", says=r"loras/sketch-lora\.safetensors, .*\n.* --lora \S+/loras/sketch-lora\.safetensors ")
        self.check_file("loras/sketch-lora.safetensors", LORA)
        self.loras.mkdir()
        self.pull("someone/sketch-lora", env={"P2P_LORAS_DIR": str(self.loras)}, says="own-loras/sketch-lora.safetensors")
        self.check_file("own-loras/sketch-lora.safetensors", LORA)

    def test_other_kinds(self):
        for kind, names, option in (("vae", ["decoder.conv_in.weight"], "--vae"), ("embeddings", ["emb_params"], "--embedding"),
                                    ("loras", ["a.hada_w1_a"], "--lora")):
            data = safetensors(*names)
            self.hub.add(f"someone/{kind}", {"x.safetensors": data})
            self.pull(f"someone/{kind}", says=f" {option} ")
            self.check_file(f"{kind}/x.safetensors", data)
        self.hub.add("someone/other", {"x.safetensors": safetensors("blocks.0.weight")})
        self.pull("someone/other", code=2, says="is neither a checkpoint of Stable Diffusion, a LoRA, a VAE nor a textual inversion")
        for data in (b"", b"x" * 7, b"\xff" * 9, (1 << 30).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]", b"<html>" * 9):
            self.hub.add("someone/broken", {"x.safetensors": data})
            self.pull("someone/broken", code=1, says="does not begin like safetensors")

    def test_one_of_several(self):
        self.pull("someone/many", "--file", "in/My File.safetensors", says=r"loras/my-file\.safetensors")
        self.check_file("loras/my-file.safetensors", LORA)
        for file, says in (("d.safetensors", 'has no file "d.safetensors"; its safetensors are "b.safetensors", "in/My File.safetensors"'),
                           ("c.ckpt", "is no .safetensors file")):
            self.pull("someone/many", "--file", file, code=2, says=says)
        self.hub.repositories["someone/many"]["a.safetensors"] = LORA
        self.pull("someone/many", code=2, says='has several files: "b.safetensors", "a.safetensors"; name one with --file')
        self.pull("wuerstchen", "--file", "x", code=2, says="is made from several")

    def test_a_file_beside_a_model(self):
        self.hub.repositories[REPOSITORY]["whole.safetensors"] = CHECKPOINT
        self.pull()
        self.pull(f"{self.hub.url}/{REPOSITORY}/blob/main/whole.safetensors", says="whole.safetensors")
        self.assertEqual((self.models / "whole.safetensors").read_bytes(), CHECKPOINT)

    def test_what_breaks_off_goes_on(self):
        def answer(handler, data, start):
            if len(self.hub.requests("DreamShaper_8.safetensors")) == 2:
                return handler.send_file(data, start, 100)
            return False
        self.hub.behave["DreamShaper_8.safetensors"] = answer
        self.pull("someone/Dream_Shaper")
        self.assertEqual(self.hub.requests("DreamShaper_8.safetensors"), [None, None, "bytes=100-"])
        self.check_file("dreamshaper-8.safetensors", CHECKPOINT)

    def test_json(self):
        line = json.loads(self.pull("someone/Dream_Shaper", "--json").stdout)
        self.assertEqual((line["name"], line["file"], line["fresh"]), ("dreamshaper-8", str(self.models / "dreamshaper-8.safetensors"), True))
        self.assertEqual(line["sources"][0]["file"], "DreamShaper_8.safetensors")


class Addresses(PullTest):
    def test_of_a_repository(self):
        for address in (f"{self.hub.url}/{REPOSITORY}", f"{self.hub.url}/{REPOSITORY}/tree/main", f"https://huggingface.co/{REPOSITORY}?x=1#y", f"hf://{REPOSITORY}"):
            self.pull(address, "--name", "m", says="/m, 3.0 MB")
            self.assertEqual((self.models / "m" / WEIGHTS).read_bytes(), model_files()[WEIGHTS])

    def test_that_lead_elsewhere(self):
        before = len(self.hub.seen)
        for address in ("http://169.254.169.254/latest/meta-data", "https://civitai.com/models/4384", "http://127.0.0.1:1/a/b",
                        f"https://huggingface.co.example.org/{REPOSITORY}"):
            self.pull(address, code=2, says="not at the hub http://127.0.0.1:")
        self.pull("https://huggingface.co/datasets/a/b", code=2, says="is a dataset")
        self.assertEqual(len(self.hub.seen), before)


class Variables(PullTest):
    """Hugging Face's own variables and files; our settings win over them."""

    def setUp(self):
        super().setUp()
        del self.env["P2P_HUB_URL"]
        self.env |= {"HF_HOME": str(self.models / "hf"), "HF_ENDPOINT": self.hub.url}

    def tokens(self):
        tokens = {token for _, _, token in self.hub.seen}
        self.hub.seen.clear()
        return tokens

    def test_endpoint_and_token(self):
        self.pull(REPOSITORY, "--name", "a", env={"HF_TOKEN": "hf_one"})
        self.assertEqual(self.tokens(), {"Bearer hf_one"})
        self.pull(REPOSITORY, "--name", "b", env={"HF_TOKEN": "hf_one", "P2P_HUB_TOKEN": "hf_two", "P2P_HUB_URL": self.hub.url, "HF_ENDPOINT": "http://127.0.0.1:1"})
        self.assertEqual(self.tokens(), {"Bearer hf_two"})
        done = self.pull(code=2, says="HF_TOKEN is invalid", env={"HF_TOKEN": "hf\ngeheim"})
        self.assertNotIn("geheim", done.stderr)
        self.pull(code=2, says="HF_ENDPOINT is invalid; it takes an address that begins with http", env={"HF_ENDPOINT": "hf-mirror"})

    def test_the_saved_token(self):
        (self.models / "hf").mkdir()
        (self.models / "hf/token").write_text("hf_saved\n")
        self.pull(REPOSITORY, "--name", "a")
        self.assertEqual(self.tokens(), {"Bearer hf_saved"})
        self.pull(REPOSITORY, "--name", "b", env={"P2P_HUB_URL": self.hub.url})
        self.assertEqual(self.tokens(), {None}, "another hub does not see it")

    def test_offline(self):
        self.pull(code=2, says="HF_HUB_OFFLINE forbids", env={"HF_HUB_OFFLINE": "1"})
        self.assertEqual(self.hub.seen, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
