#!/usr/bin/env python3
"""Models in the cache of huggingface_hub: found by repository, by folder, and where the cache is the folder of models."""
import os
import pathlib
import unittest

from command import BINARY, QUICK, CliTest, read_png

EMOJI = pathlib.Path(BINARY).parent / "../../models/emoji"


class HubCache(CliTest):
    def setUp(self):
        super().setUp()
        self.hub = pathlib.Path(self.folder, "hf/hub")
        snapshot = self.hub / "models--some-one--Tiny.Emoji/snapshots/c0ffee"
        for file in EMOJI.resolve().rglob("*"):  # as huggingface_hub does it: links to files whose names are hashes
            if file.is_file():
                link = snapshot / file.relative_to(EMOJI.resolve())
                link.parent.mkdir(parents=True, exist_ok=True)
                os.symlink(file, link)
        (self.hub / "models--some-one--Tiny.Emoji/refs").mkdir()
        (self.hub / "models--some-one--Tiny.Emoji/refs/main").write_text("c0ffee")
        (self.hub / "datasets--some-one--data/snapshots/1").mkdir(parents=True)
        self.env |= {"HF_HOME": str(self.hub.parent), "XDG_DATA_HOME": str(self.folder)}
        self.env.pop("HF_HUB_CACHE", None)

    def check(self, model):
        self.succeed("generate", "a fox", "--model", model, "--seed", "1", "--output", "a.png", *QUICK)
        self.assertIn(", Model: Tiny.Emoji,", read_png(pathlib.Path(self.folder, "a.png"))[3]["parameters"])

    def test_a_repository_is_found_by_its_name(self):
        self.check("some-one/Tiny.Emoji")

    def test_a_folder_of_the_cache_is_a_model(self):
        self.check(str(self.hub / "models--some-one--Tiny.Emoji"))

    def test_the_cache_may_be_the_folder_of_models(self):
        self.env["P2P_MODELS_DIR"] = str(self.hub)
        listed = self.succeed("models")
        self.assertRegex(listed, r"(?m)^some-one/Tiny\.Emoji .* Wuerstchen ")
        self.assertNotIn("snapshots", listed)
        del self.env["HF_HOME"]
        self.check("some-one/Tiny.Emoji")

    def test_what_is_not_there_can_be_pulled(self):
        self.refuse(2, "there is no model 'some-one/other'.*prompt2pic pull some-one/other downloads that repository",
                    "generate", "a fox", "--model", "some-one/other")


if __name__ == "__main__":
    unittest.main(verbosity=2)
