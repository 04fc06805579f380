"""Files of other kinds given as a model, a LoRA, a textual inversion or a picture: each is named, with what to do."""
import bz2
import gzip
import io
import json
import lzma
import os
import pathlib
import pickle
import tarfile
import unittest
import zipfile

from command import QUICK, CliTest

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"


def zipped(name, content=b"x"):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.safetensors"))
    return file.getvalue()


NOISE = bytes(range(256)) * 4
KINDS = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n",
    "a web page": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "JSON, perhaps": b'{"error": "Invalid username or password."}',
    "a PyTorch pickle": zipped("archive/data.pkl", pickle.dumps({})),
    "a PyTorch pickle, ": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + NOISE,
    "a GGUF file": b"GGUF\x03\0\0\0" + NOISE,
    "an ONNX model": b"\x08\x08\x12\x07pytorch" + NOISE,
    "a model of OpenVINO": b'<?xml version="1.0"?>\n<net name="Model0" version="11">',
    "a model of Flax": b"\x82\xa6params\x81\xa4unet" + NOISE,
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + NOISE,
    "a NumPy archive": zipped("a.npy"),
    "a NumPy array": b"\x93NUMPY\x01\0" + NOISE,
    "a tar archive": tarred(),
    "a gzip archive": gzip.compress(NOISE),
    "a zip archive": zipped("model.safetensors"),
    "a 7z archive": b"7z\xbc\xaf\x27\x1c\0\x04" + NOISE,
    "a rar archive": b"Rar!\x1a\x07\x01\0" + NOISE,
    "a zstd archive": b"\x28\xb5\x2f\xfd\x04" + NOISE,
    "an xz archive": lzma.compress(NOISE),
    "a bzip2 archive": bz2.compress(NOISE),
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + NOISE,
    "a GIF picture": b"GIF89a\x01\0\x01\0" + NOISE,
    "a video": b"\0\0\0\x20ftypisom" + NOISE,
    "a Linux program": pathlib.Path("/bin/sh").read_bytes()[:4096],
    "a Windows program": b"MZ\x90\0\x03" + NOISE,
    "an empty file|0 bytes": b"",
    "nothing but zeros": bytes(5000),
    "a text": "сохраните модель сюда\n".encode(),
    "a text in UTF-16": "a model".encode("utf-16"),
    "a file of an unknown kind": b"\xde\xad\xbe\xef\0\x01" + NOISE,
}


class WrongFiles(CliTest):
    def refuse_each(self, name, code, *words):
        for kind, content in KINDS.items():
            with self.subTest(kind):
                pathlib.Path(self.folder, name).write_bytes(content)
                self.refuse(code, rf"(?m)^prompt2pic: (\S+/)?{name}: expected .*, found ({kind}).*; .+", "generate", "x", *words, *QUICK)

    def test_as_a_model(self):
        self.refuse_each("m.safetensors", 1, "--model", "m.safetensors")

    def test_as_a_model_of_another_name(self):
        self.refuse_each("m.ckpt", 2, "--model", "m.ckpt")

    def test_as_a_picture(self):
        self.refuse_each("p.png", 2, "--image", "p.png")

    def test_pictures_as_a_model(self):
        for name, kind in (("rgb.png", "a PNG picture"), ("rgb.jpg", "a JPEG picture"), ("lossy.webp", "a WebP picture")):
            self.refuse(2, f"found {kind}; give the file of the model", "generate", "x", "--model", str(GOLDEN / "image" / name))

    def test_as_a_lora(self):
        small = ["--model", str(GOLDEN / "stable_diffusion/sd1"), "--width", "64", "--height", "64", "--steps", "1"]
        for kind in ("a Git LFS pointer", "a PyTorch pickle", "a GGUF file"):
            pathlib.Path(self.folder, "l.safetensors").write_bytes(KINDS[kind])
            self.refuse(1, f"l.safetensors: expected a .safetensors file, found {kind}", "generate", "x", "--lora", "l.safetensors", *small)
            self.refuse(1, f"l.safetensors: expected a .safetensors file, found {kind}", "generate", "x", "--embedding", "l.safetensors", *small)

    def test_what_is_no_file(self):
        os.symlink("gone.safetensors", os.path.join(self.folder, "link.safetensors"))
        os.mkdir(os.path.join(self.folder, "folder.png"))
        for ending in ("aria2", "crdownload", "part"):
            pathlib.Path(self.folder, f"m.safetensors.{ending}").write_bytes(NOISE)
            self.refuse(2, "found a part of a download that has not ended; finish", "generate", "x", "--model", f"m.safetensors.{ending}")
        self.refuse(2, "found a link to gone.safetensors, which does not exist", "generate", "x", "--model", "link.safetensors")
        self.refuse(2, "folder.png: expected a picture.*found a folder", "generate", "x", "--image", "folder.png")

    def test_folders_of_other_families(self):
        for name, kind in (("FluxPipeline", "Flux"), ("StableDiffusion3Pipeline", "Stable Diffusion 3"), ("StableDiffusionControlNetPipeline", "a model with a ControlNet"),
                           ("StableDiffusionUpscalePipeline", "an upscaler")):
            folder = pathlib.Path(self.folder, name)
            folder.mkdir()
            (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
            self.refuse(1, f'found "{name}", which is {kind}; take', "generate", "x", "--model", f"./{name}")
        self.assertRegex(json.loads(self.succeed("models", "--json", env={"P2P_MODELS_DIR": self.folder}))[0]["problem"], "which is Flux")

    def test_names_of_all_kinds(self):
        folder = pathlib.Path(self.folder, "m")
        for name in ("DreamShaper_8", "my model (v1.2)", "anime/любимая"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(GOLDEN / "stable_diffusion/sd1", target)
        env = {"P2P_MODELS_DIR": str(folder)}
        names = [model["name"] for model in json.loads(self.succeed("models", "--json", env=env))]
        self.assertEqual(names, ["DreamShaper_8", "anime/любимая", "emoji", "my model (v1.2)"])
        for number, name in enumerate(names):
            if name != "emoji":
                self.succeed("generate", "x", "--model", name, "--width", "64", "--height", "64", "--steps", "1", "--output", f"{number}.png", env=env)
        self.refuse(2, "since the name ends a topic's name. Rename the model, or link to it.*ln -s 'DreamShaper_8' dreamshaper-8", "worker", "--model", "DreamShaper_8", env={**env, "P2P_KAFKA_BROKERS": "127.0.0.1:1"})


if __name__ == "__main__":
    unittest.main()
